//! People.

#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: i64,
    pub(crate) first_name: String,
    pub(crate) language_code: Option<String>,
    pub(crate) is_deactivated: bool,
}
