use super::seal::{keyed_hash, verify_keyed_hash};
use crate::names::hexadecimal;
use http::HeaderMap;
use http::request::Parts;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

/// AWS refuses signatures whose time is further off than this.
const CLOCK_SKEW: Duration = Duration::minutes(15);

/// The `Authorization` header of a request signed with AWS Signature Version 4.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
#[derive(Debug)]
pub(super) struct Signature<'a> {
    pub(super) access_key_id: &'a str,
    date: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Signature<'a> {
    /// Reads the header. None: it is absent or not of this kind.
    pub(super) fn parse(headers: &'a HeaderMap) -> Option<Self> {
        let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
        let fields: BTreeMap<_, _> = value
            .strip_prefix("AWS4-HMAC-SHA256 ")?
            .split(',')
            .filter_map(|field| field.trim().split_once('='))
            .collect();
        let scope: Vec<&str> = fields.get("Credential")?.split('/').collect();
        let [access_key_id, date, region, service, "aws4_request"] = *scope.as_slice() else {
            return None;
        };
        Some(Self {
            access_key_id,
            date,
            region,
            service,
            signed_headers: fields.get("SignedHeaders")?,
            signature: fields.get("Signature")?,
        })
    }

    /// Verifies the signature of a request to the path `/` without a query, which is what the
    /// ECR and STS clients send.
    ///
    /// # Errors
    /// A sentence for the client.
    pub(super) fn verify(
        &self,
        request: &Parts,
        body: &[u8],
        secret: &SecretString,
    ) -> Result<(), String> {
        let mismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.";
        let time = request
            .headers
            .get("x-amz-date")
            .and_then(|value| value.to_str().ok());
        let time = time.ok_or("The request has no X-Amz-Date header")?;
        self.check_time(time)?;
        let scope = format!(
            "{}/{}/{}/aws4_request",
            self.date, self.region, self.service
        );
        let canonical = self.canonical_request(request, body);
        let digest = hexadecimal(&Sha256::digest(canonical));
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{digest}");
        let mut key = keyed_hash(
            format!("AWS4{}", secret.expose_secret()).as_bytes(),
            self.date.as_bytes(),
        );
        for part in [self.region, self.service, "aws4_request"] {
            key = keyed_hash(&key, part.as_bytes());
        }
        let given = from_hexadecimal(self.signature).ok_or(mismatch)?;
        if verify_keyed_hash(&key, text.as_bytes(), &given) {
            Ok(())
        } else {
            Err(mismatch.into())
        }
    }

    fn check_time(&self, time: &str) -> Result<(), String> {
        let format = format_description!("[year][month][day]T[hour][minute][second]Z");
        let parsed = PrimitiveDateTime::parse(time, format)
            .map_err(|_| format!("X-Amz-Date is '{time}', expected the form 20300102T030405Z"))?
            .assume_utc();
        if !time.starts_with(self.date) {
            return Err("Date in Credential scope does not match the one in X-Amz-Date".into());
        }
        if (OffsetDateTime::now_utc() - parsed).abs() > CLOCK_SKEW {
            return Err(format!(
                "Signature expired: {time} is more than 15 minutes off"
            ));
        }
        Ok(())
    }

    fn canonical_request(&self, request: &Parts, body: &[u8]) -> String {
        let mut text = format!("{}\n{}\n\n", request.method, request.uri.path());
        for name in self.signed_headers.split(';') {
            let values = request.headers.get_all(name).iter();
            let values: Vec<String> = values
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .map(|value| value.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect();
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name}:{}", values.join(","));
        }
        let _ = write!(
            text,
            "\n{}\n{}",
            self.signed_headers,
            hexadecimal(&Sha256::digest(body))
        );
        text
    }
}

fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    (0..text.len())
        .step_by(2)
        .map(|index| u8::from_str_radix(text.get(index..index + 2)?, 16).ok())
        .collect()
}
