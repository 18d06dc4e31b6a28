//! The published vectors of RFC 7515, appendix A.

use super::{Compact, decode};

const LIMIT: usize = 1024;
const PAYLOAD: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

/// RFC 7515, appendix A.1.
#[test]
fn hs256_agrees_with_the_published_vector() {
    let token = format!(
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{PAYLOAD}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    let key =
        decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .unwrap();
    let compact = Compact::parse(&token, LIMIT).unwrap();
    assert_eq!(compact.header.alg, "HS256");
    assert!(compact.hs256_matches(&key));
    assert!(!compact.hs256_matches(&key[1..]));
}

/// RFC 7515, appendix A.2.
#[test]
fn rs256_agrees_with_the_published_vector() {
    let token = format!(
        "eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-\
         0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQ\
         BMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI\
         8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    );
    let modulus = decode(
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2\
         lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTB\
         EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kz\
         k2PAcDTW9gb54h4FRWyuXpoQ",
    )
    .unwrap();
    let compact = Compact::parse(&token, LIMIT).unwrap();
    assert_eq!(compact.header.alg, "RS256");
    assert!(compact.rs256_matches(&modulus, &[1, 0, 1]));
    assert!(!compact.rs256_matches(&modulus, &[3]));
}

#[test]
fn what_is_not_three_parts_is_nothing() {
    let whole = format!("eyJhbGciOiJIUzI1NiJ9.{PAYLOAD}.dBjf");
    assert!(Compact::parse(&whole, LIMIT).is_some());
    assert!(
        Compact::parse(&whole, whole.len() - 1).is_none(),
        "longer than the limit"
    );
    let header = "eyJhbGciOiJIUzI1NiJ9";
    // A header with `"crit":["exp"]`, one with `alg` twice, one whose `alg` is a number, one that is an array.
    let critical = "eyJhbGciOiJIUzI1NiIsImNyaXQiOlsiZXhwIl19";
    let twice = "eyJhbGciOiJub25lIiwiYWxnIjoiSFMyNTYifQ";
    for wrong in [
        String::new(),
        "..".to_owned(),
        format!("{header}.{PAYLOAD}"),
        format!("{header}.{PAYLOAD}.dBjf."),
        format!("{header}.{PAYLOAD}.dBjf.dBjf"),
        format!(".{header}.{PAYLOAD}.dBjf"),
        format!("{header}.{PAYLOAD}.dBjf="),
        format!("{header}.{PAYLOAD}.dB+f"),
        format!("{header}.{PAYLOAD}.dBj "),
        format!("{critical}.{PAYLOAD}.dBjf"),
        format!("{twice}.{PAYLOAD}.dBjf"),
        format!("eyJhbGciOjF9.{PAYLOAD}.dBjf"),
        format!("WzFd.{PAYLOAD}.dBjf"),
    ] {
        assert!(Compact::parse(&wrong, LIMIT).is_none(), "{wrong}");
    }
}
