//! `identify`: rules that say whose a call is by where it comes from and what it shows.
//!
//! They are the operator's word: what one says, no client can say otherwise.

use std::net::{IpAddr, SocketAddr};

use crate::budget::limits;
use crate::ledger::Labels;

/// Addresses that begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// Leading bits that must be equal.
    prefix: u8,
}

impl Network {
    /// `None` where the prefix is longer than the address, or the address has bits beyond it.
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        let network = Network { address, prefix };
        let (bits, length) = bits(address);
        (prefix <= length && network.kept(bits, length) == bits).then_some(network)
    }

    /// One address alone.
    pub fn of(address: IpAddr) -> Self {
        let (_, prefix) = bits(address);
        Network { address, prefix }
    }

    /// Whether the address lies in it. An IPv4 address that comes in IPv6 clothes is an IPv4 one.
    pub fn holds(&self, address: IpAddr) -> bool {
        let ((own, length), (other, same)) = (bits(self.address), bits(address.to_canonical()));
        length == same && self.kept(other, length) == own
    }

    fn kept(&self, bits: u128, length: u8) -> u128 {
        match length - self.prefix {
            128 => 0,
            dropped => bits >> dropped << dropped,
        }
    }
}

/// An address as a number, and how many bits it has.
fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => (u32::from(address).into(), 32),
        IpAddr::V6(address) => (address.into(), 128),
    }
}

/// Which client setting a call came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Weir is the base URL.
    BaseUrl,
    /// `HTTPS_PROXY`: inside CONNECT.
    HttpsProxy,
    /// `HTTP_PROXY`: a request that names its host.
    HttpProxy,
}

/// What a rule goes by.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The key as the ledger shows it.
    pub key: Option<&'a str>,
    /// Whose address the connection came from.
    pub source: Option<IpAddr>,
    /// The address of weir's own that it came to.
    pub listener: Option<SocketAddr>,
    pub way: Way,
}

/// An address of weir's own: a network, and a port where only that is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    pub network: Network,
    pub port: Option<u16>,
}

/// The calls that fit every entry, and the labels that they get. An empty entry fits every call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Key hashes, whole or as a prefix that ends in `*`.
    pub keys: Vec<String>,
    pub sources: Vec<Network>,
    pub listeners: Vec<Listener>,
    pub ways: Vec<Way>,
    pub labels: Labels,
}

impl Rule {
    fn fits(&self, origin: &Origin<'_>) -> bool {
        let any = |is_empty: bool, fits: bool| is_empty || fits;
        let key = |pattern: &String| origin.key.is_some_and(|key| limits::fits(pattern, key));
        let source = |network: &Network| origin.source.is_some_and(|from| network.holds(from));
        let listener = |own: &Listener| {
            origin.listener.is_some_and(|at| {
                own.network.holds(at.ip()) && own.port.is_none_or(|port| port == at.port())
            })
        };
        any(self.keys.is_empty(), self.keys.iter().any(key))
            && any(self.sources.is_empty(), self.sources.iter().any(source))
            && any(
                self.listeners.is_empty(),
                self.listeners.iter().any(listener),
            )
            && any(self.ways.is_empty(), self.ways.contains(&origin.way))
    }
}

/// What the rules say of a call, label by label the first that fits and says something.
pub fn said(rules: &[Rule], origin: &Origin<'_>) -> Labels {
    let mut labels = Labels::default();
    for rule in rules.iter().filter(|rule| rule.fits(origin)) {
        labels.fill(&rule.labels);
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Option<Network> {
        let (address, prefix) = text.split_once('/')?;
        Network::new(address.parse().ok()?, prefix.parse().ok()?)
    }

    #[test]
    fn a_network_holds_the_addresses_that_begin_like_it() {
        let mut checked = 0;
        for (net, inside, outside) in [
            ("10.0.0.0/8", "10.255.1.2", "11.0.0.0"),
            ("10.1.2.3/32", "10.1.2.3", "10.1.2.4"),
            ("0.0.0.0/0", "255.0.0.1", "::1"),
            ("::/0", "fe80::1", "1.2.3.4"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("::1/128", "::1", "::2"),
            ("10.0.0.0/8", "::ffff:10.1.1.1", "::ffff:11.1.1.1"),
        ] {
            let net = network(net).unwrap();
            assert!(net.holds(inside.parse().unwrap()), "{net:?} {inside}");
            assert!(!net.holds(outside.parse().unwrap()), "{net:?} {outside}");
            checked += 1;
        }
        assert_eq!(checked, 7);
        for faulty in ["10.0.0.1/8", "10.0.0.0/33", "fd00::1/8", "::/129"] {
            assert_eq!(network(faulty), None, "{faulty}");
        }
    }

    #[test]
    fn label_by_label_the_first_rule_that_fits_and_says_something_wins() {
        let labels = |team: Option<&str>, user: Option<&str>, tags: &[(&str, &str)]| Labels {
            team: team.map(str::to_owned),
            user: user.map(str::to_owned),
            tags: tags
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..Labels::default()
        };
        let rules = [
            Rule {
                keys: vec!["00*".to_owned()],
                labels: labels(Some("other"), None, &[]),
                ..Rule::default()
            },
            Rule {
                keys: vec!["1a*".to_owned(), "2b2b2b2b2b2b".to_owned()],
                sources: vec![network("10.0.0.0/8").unwrap()],
                labels: labels(Some("search"), None, &[("a", "1")]),
                ..Rule::default()
            },
            Rule {
                ways: vec![Way::HttpProxy, Way::BaseUrl],
                labels: labels(Some("late"), Some("ann"), &[("a", "2"), ("b", "2")]),
                ..Rule::default()
            },
        ];
        let origin = Origin {
            key: Some("1a3b4c5d6e7f"),
            source: Some("10.1.1.1".parse().unwrap()),
            listener: None,
            way: Way::BaseUrl,
        };
        let expected = labels(Some("search"), Some("ann"), &[("a", "1"), ("b", "2")]);
        assert_eq!(said(&rules, &origin), expected);
        let elsewhere = Origin {
            source: None,
            way: Way::HttpsProxy,
            ..origin
        };
        assert_eq!(said(&rules, &elsewhere), Labels::default());
    }

    #[test]
    fn a_listener_is_an_address_of_weirs_own_with_or_without_its_port() {
        let own = Network::of("127.0.0.1".parse().unwrap());
        let rule = |port| Rule {
            listeners: vec![Listener { network: own, port }],
            ..Rule::default()
        };
        let origin = Origin {
            key: None,
            source: None,
            listener: Some("127.0.0.1:8900".parse().unwrap()),
            way: Way::BaseUrl,
        };
        assert!(rule(None).fits(&origin) && rule(Some(8900)).fits(&origin));
        assert!(!rule(Some(8901)).fits(&origin));
        let unknown = Origin {
            listener: None,
            ..origin
        };
        assert!(!rule(None).fits(&unknown));
    }
}
