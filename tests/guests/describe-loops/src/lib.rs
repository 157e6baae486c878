//! Never says what it is.

wit_bindgen::generate!({
    path: "../../../wit",
    world: "step",
});

struct Hostile;

impl Guest for Hostile {
    fn describe() -> Description {
        loop {
            std::hint::spin_loop();
        }
    }

    fn run(_: String) -> Result<Outcome, Error> {
        Ok(Outcome {
            outputs: Vec::new(),
            images: Vec::new(),
        })
    }
}

export!(Hostile);
