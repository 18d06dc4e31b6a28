//! Which addresses may be fetched. Sources are named by people and by pages, and a server that fetches for strangers is a
//! door into its own network unless every address is looked at: the one that is given, each that a redirect leads to, and
//! each that a name resolves to, at the moment of the connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Nothing in these is public. From the IANA registries of special-purpose addresses, and multicast.
const NOT_PUBLIC: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressRefused {
    #[error("{0} is not an address that can be fetched: http or https, and a host")]
    NotHttp(String),
    #[error("{0} is not encrypted; plain http is refused unless the configuration allows it")]
    NotEncrypted(String),
    #[error("an address must not hold a user name or password")]
    HoldsCredential,
    #[error("{0} leads into a private network; the configuration can allow it")]
    NotPublic(String),
}

/// The rule.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// Networks that may be fetched from although they are not public.
    pub allowed: Vec<IpNet>,
    /// Whether `http://` is fetched outside of [`Self::allowed`] too.
    pub plain_http: bool,
}

impl Guard {
    /// Looks at an address as far as it can be judged before its name is resolved.
    pub fn check(&self, url: &Url) -> Result<(), AddressRefused> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressRefused::HoldsCredential);
        }
        let shown = || url.host_str().unwrap_or_default().to_owned();
        if !matches!(url.scheme(), "http" | "https") {
            return Err(AddressRefused::NotHttp(url.scheme().to_owned()));
        }
        let ip = match url.host() {
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            Some(Host::Domain(name)) if name.trim_end_matches('.').eq_ignore_ascii_case("localhost") => {
                Some(IpAddr::V4(Ipv4Addr::LOCALHOST))
            }
            Some(Host::Domain(_)) => None,
            None => return Err(AddressRefused::NotHttp(shown())),
        };
        if ip.is_some_and(|ip| !self.permits(ip)) {
            return Err(AddressRefused::NotPublic(shown()));
        }
        let is_allowed = ip.is_some_and(|ip| self.allows(ip));
        if url.scheme() == "http" && !self.plain_http && !is_allowed {
            return Err(AddressRefused::NotEncrypted(shown()));
        }
        Ok(())
    }

    /// Whether a connection to this address may be made.
    pub fn permits(&self, ip: IpAddr) -> bool {
        let ip = embedded(ip);
        is_public(ip) || self.allows(ip)
    }

    fn allows(&self, ip: IpAddr) -> bool {
        let ip = embedded(ip);
        self.allowed.iter().any(|net| net.contains(&ip))
    }
}

/// The IPv4 address that an IPv6 address stands for (mapped, NAT64, 6to4), else the address itself.
fn embedded(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let octets = v6.octets();
    let v4 = |at: usize| {
        let part: [u8; 4] = octets[at..at + 4].try_into().unwrap_or_default();
        IpAddr::V4(Ipv4Addr::from(part))
    };
    let segments = v6.segments();
    match segments {
        [0, 0, 0, 0, 0, 0xffff, _, _] => v4(12),
        [0, 0, 0, 0, 0, 0, _, _] if v6 != Ipv6Addr::LOCALHOST && v6 != Ipv6Addr::UNSPECIFIED => v4(12),
        [0, 0, 0, 0, 0xffff, 0, _, _] => v4(12),
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => v4(12),
        [0x2002, ..] => v4(2),
        _ => ip,
    }
}

fn is_public(ip: IpAddr) -> bool {
    !NOT_PUBLIC
        .iter()
        .filter_map(|net| net.parse::<IpNet>().ok())
        .any(|net| net.contains(&ip))
}

/// Resolves names by the system and leaves only addresses that the guard permits.
pub(crate) struct GuardedResolver(pub(crate) Arc<Guard>);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.0);
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            let (permitted, refused): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|address| guard.permits(address.ip()));
            if permitted.is_empty() && !refused.is_empty() {
                return Err(
                    Box::new(AddressRefused::NotPublic(host)) as Box<dyn std::error::Error + Send + Sync>
                );
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(guard: &Guard, url: &str) -> Result<(), AddressRefused> {
        guard.check(&Url::parse(url).unwrap())
    }

    #[test]
    fn every_network_of_the_list_is_written_well() {
        for net in NOT_PUBLIC {
            net.parse::<IpNet>().unwrap();
        }
    }

    #[test]
    fn private_addresses_are_refused_however_they_are_written() {
        let guard = Guard::default();
        for url in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://10.1.2.3/",
            "https://169.254.169.254/latest/meta-data/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[64:ff9b::a00:1]/",
            "https://[2002:a00:1::]/",
            "https://[fd00::1]/",
            "https://[fe80::1]/",
        ] {
            assert!(
                matches!(check(&guard, url), Err(AddressRefused::NotPublic(_))),
                "{url}"
            );
        }
        check(&guard, "https://93.184.216.34/").unwrap();
        check(&guard, "https://[2606:2800:220:1::1]/").unwrap();
        check(&guard, "https://example.org/").unwrap();
    }

    #[test]
    fn plain_http_and_other_schemes_are_refused() {
        let guard = Guard::default();
        assert!(matches!(
            check(&guard, "http://example.org/"),
            Err(AddressRefused::NotEncrypted(_))
        ));
        assert!(matches!(
            check(&guard, "ftp://example.org/"),
            Err(AddressRefused::NotHttp(_))
        ));
        assert!(matches!(
            check(&guard, "file:///etc/passwd"),
            Err(AddressRefused::NotHttp(_))
        ));
        assert!(matches!(
            check(&guard, "https://me:word@example.org/"),
            Err(AddressRefused::HoldsCredential)
        ));
    }

    #[test]
    fn what_the_configuration_allows_is_fetched() {
        let guard = Guard {
            allowed: vec!["127.0.0.0/8".parse().unwrap()],
            plain_http: false,
        };
        check(&guard, "http://127.0.0.1:8080/").unwrap();
        assert!(guard.permits("::ffff:127.0.0.1".parse().unwrap()));
        assert!(!guard.permits("10.0.0.1".parse().unwrap()));
    }
}
