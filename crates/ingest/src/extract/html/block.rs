//! What an element means for the text around it.

/// Elements that shape text; all others are looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// Not content: dropped with everything inside.
    Dropped,
    Title,
    /// A block of its own: paragraph, section, division.
    Block,
    Heading(usize),
    Break,
    BulletList,
    NumberedList,
    Item,
    Quote,
    Preformatted,
    Code,
    Table,
    Row,
    Cell,
    Image,
    /// Real content starts here, whatever was left open before.
    Content,
    /// About the page, unless it belongs to an article or a quotation.
    Footer,
    Other,
}

impl Element {
    pub(super) fn of(name: &[u8]) -> Self {
        match name {
            b"script" | b"style" | b"nav" | b"noscript" | b"template" | b"iframe" | b"object" | b"svg"
            | b"canvas" | b"select" | b"button" | b"datalist" | b"noembed" | b"noframes" | b"dialog" => {
                Self::Dropped
            }
            b"title" => Self::Title,
            b"p" | b"div" | b"section" | b"header" | b"aside" | b"address" | b"figure" | b"figcaption"
            | b"details" | b"summary" | b"form" | b"fieldset" | b"legend" | b"dl" | b"dt" | b"dd" | b"hr"
            | b"center" | b"caption" | b"body" => Self::Block,
            b"h1" => Self::Heading(1),
            b"h2" => Self::Heading(2),
            b"h3" => Self::Heading(3),
            b"h4" => Self::Heading(4),
            b"h5" => Self::Heading(5),
            b"h6" => Self::Heading(6),
            b"br" => Self::Break,
            b"ul" | b"menu" | b"dir" => Self::BulletList,
            b"ol" => Self::NumberedList,
            b"li" => Self::Item,
            b"blockquote" => Self::Quote,
            b"pre" | b"listing" | b"xmp" => Self::Preformatted,
            b"code" | b"kbd" | b"samp" | b"tt" => Self::Code,
            b"table" => Self::Table,
            b"tr" => Self::Row,
            b"td" | b"th" => Self::Cell,
            b"img" => Self::Image,
            b"main" | b"article" => Self::Content,
            b"footer" => Self::Footer,
            _ => Self::Other,
        }
    }
}
