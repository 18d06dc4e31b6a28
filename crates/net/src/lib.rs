//! Which addresses are on this machine: whoever sends secrets by plain http asks here, in both binaries.
//!
//! It knows nothing else, not even how a name is resolved, and imports nothing of ours.

use url::{Host, Url};

/// Whether an address of http or https is on this machine, so that nothing is read on the way.
///
/// It is told by what stands in the address. Where that is less than certain, it is another machine: `localhost.` and names
/// below `localhost` may be asked of a name server, and what becomes of an IPv4 address in an IPv6 one is the system's choice.
pub fn is_loopback(address: &Url) -> bool {
    match address.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_each(addresses: &[&str], expected: bool) {
        for address in addresses {
            let url: Url = address.parse().unwrap();
            assert_eq!(is_loopback(&url), expected, "{address}");
        }
    }

    #[test]
    fn this_machine_is_known_by_its_addresses_and_its_name() {
        assert_each(
            &[
                "http://127.0.0.1:1/v1",
                "http://127.255.255.254/",
                "http://[::1]/",
                "http://[0:0:0:0:0:0:0:1]:8080/",
                "http://localhost",
                "https://LocalHost:8443/",
            ],
            true,
        );
    }

    #[test]
    fn another_way_to_write_an_ipv4_address_is_the_same_address() {
        assert_each(
            &[
                "http://127.1/",
                "http://2130706433/",
                "http://0x7f.0.0.1/",
                "http://127.0.0.1./",
            ],
            true,
        );
        assert_each(&["http://128.1/", "http://0x80.0.0.1/"], false);
    }

    #[test]
    fn other_machines_are_not_this_one_however_near_they_sound() {
        assert_each(
            &[
                "http://10.0.0.1/",
                "http://0.0.0.0/",
                "http://128.0.0.1/",
                "http://[::]/",
                "http://[::2]/",
                "http://[fe80::1]/",
                "http://127.0.0.1.evil.com/",
                "http://localhost.evil.com/",
                "http://evil-localhost/",
                "http://nexus/",
            ],
            false,
        );
    }

    #[test]
    fn what_may_be_this_machine_counts_as_another() {
        assert_each(
            &[
                "http://localhost./",
                "http://nexus.localhost/",
                "http://[::ffff:127.0.0.1]/",
            ],
            false,
        );
    }

    #[test]
    fn what_stands_around_the_host_is_not_the_host() {
        assert_each(
            &[
                "http://127.0.0.1@evil.com/",
                "http://localhost:80@evil.com/",
                r"http://evil.com\@127.0.0.1/",
                "http://evil.com/?@127.0.0.1",
                "http://evil.com/#@localhost",
            ],
            false,
        );
        assert_each(&["http://evil.com@127.0.0.1/", "http://evil.com:1@[::1]/"], true);
    }

    #[test]
    fn an_address_without_a_host_is_nowhere() {
        assert_each(&["unix:/run/nexus.sock", "data:,localhost"], false);
    }
}
