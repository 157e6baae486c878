//! Stops instead of saying what it is.

wit_bindgen::generate!({
    path: "../../../wit",
    world: "step",
});

struct Hostile;

impl Guest for Hostile {
    fn describe() -> Description {
        panic!("it does not say")
    }

    fn run(_: String) -> Result<Outcome, Error> {
        Ok(Outcome {
            outputs: Vec::new(),
            images: Vec::new(),
        })
    }
}

export!(Hostile);
