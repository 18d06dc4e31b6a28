/// Lamp.
pub struct Lamp { colour: &'static str }

impl Lamp {
    pub fn new() -> Self {
        Self { colour: "green" }
    }
}

mod tests {
    #[test]
    fn a() { assert!(true); }
}
