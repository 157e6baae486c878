//! Names that nobody can guess.

use crate::error::Error;

/// 128 random bits in hexadecimal digits.
///
/// # Errors
/// Where the operating system gives no random numbers.
pub(crate) fn random_identifier() -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Invalid(format!("no random numbers: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
