//! Rich text.

use nexus_domain::Format;
use nexus_domain::ProblemCode::NestedTooDeep;

use crate::support::{extract, refusal};

#[test]
fn russian_rtf_is_read_in_all_its_spellings() {
    let rtf = br"{\rtf1\ansi\ansicpg1251\deff0{\fonttbl{\f0\fcharset204 Arial;}{\f1\fcharset0 Times;}{\f2\fcharset238 CE;}}
{\stylesheet{\ql Normal;}{\s1\outlinelevel0 heading 1;}}{\info{\title \'ce\'f2\'f7\'b8\'f2}}{\*\generator x;}
\pard\s1\b \'cd\'e0\'f7\'e0\'eb\'ee\b0\par
\pard\plain\f0 \'cf\'f0\'e8\'e2\'e5\'f2, {\uc1\u1084?\u1080?\u1088?}! {\f1 caf\u233?} {\f2 \'b9}{\v hidden}{\deleted gone}\emdash\u-10179?\u-8704?\par
\pard{\listtext \'b7\tab}\'ef\'f3\'ed\'ea\'f2\par{\listtext 2.\tab}two\par
\trowd\pard\intbl a\cell b|c\cell\row\trowd\pard\intbl 1\cell 2\cell\row
\pard Text{\footnote \pard Note.\par}\{x\} {\pict ffff}\par}";
    let document = extract("a.rtf", rtf);
    assert_eq!(
        (document.format, document.title.as_str()),
        (Format::Rtf, "Начало")
    );
    assert_eq!(
        document.text,
        "# Начало\n\nПривет, мир! café ą—😀\n\n- пункт\n2. two\n\n| a | b\\|c |\n| --- | --- |\n| 1 | 2 |\n\nText (Note.){x}\n"
    );
    assert_eq!(
        extract("a.doc", rtf).text,
        document.text,
        "Word saves RTF under that name, too"
    );
    assert_eq!(
        refusal("a.rtf", format!("{{\\rtf1 {}", "{".repeat(100_000))),
        NestedTooDeep
    );
}
