//! Writes 64 MiB of lines to standard output and a last line to standard error.

use std::io::Write;

use stepyard_sdk::prelude::*;

#[settings]
struct FloodsStdout {}

impl Step for FloodsStdout {
    const NAME: &str = "floods-stdout";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &str =
        "Writes 64 MiB of lines to standard output and a last line to standard error";

    fn run(self) -> Result<Outcome, Error> {
        let line = [b'x'; 1023];
        let mut output = std::io::stdout().lock();
        for _ in 0..65_536 {
            output.write_all(&line)?;
            output.write_all(b"\n")?;
        }
        output.flush()?;
        eprintln!("the flood is over");
        Ok(Outcome::new().output("written", "67108864"))
    }
}

stepyard_sdk::step!(FloodsStdout);
