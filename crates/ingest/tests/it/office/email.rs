//! Mail.

use nexus_domain::Format;

use crate::support::extract;

#[test]
fn a_message_is_told_with_its_people_and_what_is_attached() {
    let message = "From: =?koi8-r?B?6dfBzg==?= <ivan@example.org>\r\nTo: b@example.org\r\nSubject: =?utf-8?B?0J7RgtGH0ZHRgg==?=\r\n\
        Date: Fri, 20 Nov 2026 10:00:00 +0300\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
        --x\r\nContent-Type: text/plain; charset=windows-1251\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
        =CF=F0=E8=E2=E5=F2!\r\n\r\n# not a heading\r\n--x\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--x--\r\n";
    let document = extract("a.eml", message);
    assert_eq!(
        (document.format, document.title.as_str()),
        (Format::Email, "Отчёт")
    );
    assert_eq!(
        document.text,
        "# Отчёт\n\nFrom: Иван <ivan@example.org>\nTo: b@example.org\nDate: 2026-11-20T10:00:00+03:00\n\nПривет!\n\n\
         \\# not a heading\n\nAttached, and not read:\n\n- a.pdf (application/pdf, 3 bytes)\n"
    );
    let html = "Subject: News\r\nFrom: a@b.c\r\nContent-Type: text/html\r\n\r\n<h2>Big</h2><p>news</p>";
    assert_eq!(
        extract("a.eml", html).text,
        "# News\n\nFrom: a@b.c\n\n## Big\n\nnews\n"
    );
    let mbox = format!(
        "From a@b.c Fri Nov 20 10:00:00 2026\n{html}\n\nFrom x Fri Nov 20 10:00:01 2026\nSubject: Two\n\nFrom here on.\n"
    );
    let document = extract("all.mbox", &mbox);
    assert_eq!(document.marks.pages, [(1, 1), (9, 2)]);
    assert!(
        document.text.ends_with("# Two\n\nFrom here on.\n"),
        "{}",
        document.text
    );
    assert_eq!(document.title, "all");
    assert_eq!(
        extract("notes.eml", "Only words.\n").text,
        "Only words.\n",
        "what is no message is text"
    );
}
