//! Where a call comes from: networks, weir's own addresses, ways in.

use std::net::{IpAddr, SocketAddr};

use super::super::identify::{Listener, Network, Way};
use super::super::read::{Fault, Scalar};
use serde_json::{Value, json};

/// The addresses that calls come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Source(pub(in crate::config) Network);

impl Scalar for Source {
    const EXPECTED: &'static str = "an IP address, or a network of them";
    const LIKE: &'static [&'static str] = &["10.0.0.0/8", "127.0.0.1", "::1"];

    fn parse(text: &str) -> Result<Self, Fault> {
        network(text).map(Source)
    }
}

/// An address of weir's own that calls come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct OwnAddress(pub(in crate::config) Listener);

impl Scalar for OwnAddress {
    const EXPECTED: &'static str = "an IP address of this machine, with a port or without";
    const LIKE: &'static [&'static str] = &["127.0.0.1", "10.0.0.5:8900"];

    fn parse(text: &str) -> Result<Self, Fault> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(OwnAddress(Listener {
                network: Network::of(address.ip()),
                port: Some(address.port()),
            }));
        }
        Ok(OwnAddress(Listener {
            network: network(text)?,
            port: None,
        }))
    }
}

fn network(text: &str) -> Result<Network, Fault> {
    let Some((address, prefix)) = text.split_once('/') else {
        let address: IpAddr = text.parse().map_err(|_| Fault::Unfit)?;
        return Ok(Network::of(address.to_canonical()));
    };
    let address: IpAddr = address.parse().map_err(|_| Fault::Unfit)?;
    let is_number = prefix.bytes().all(|b| b.is_ascii_digit());
    let prefix: u8 = prefix
        .parse()
        .ok()
        .filter(|_| is_number)
        .ok_or(Fault::Unfit)?;
    Network::new(address, prefix).ok_or_else(|| {
        let why = "the bits behind the prefix must be 0, and it at most as long as the address";
        Fault::Because(why.to_owned())
    })
}

/// `via`: the client's setting that a call came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct WayIn(pub(in crate::config) Way);

const WAYS: [(&str, Way); 3] = [
    ("base_url", Way::BaseUrl),
    ("https_proxy", Way::HttpsProxy),
    ("http_proxy", Way::HttpProxy),
];

impl Scalar for WayIn {
    const EXPECTED: &'static str = "a way in";
    const LIKE: &'static [&'static str] = &["https_proxy"];

    fn parse(text: &str) -> Result<Self, Fault> {
        let known = WAYS.iter().find(|(word, _)| *word == text);
        known
            .map(|(_, way)| WayIn(*way))
            .ok_or_else(|| Fault::OneOf(WAYS.map(|(word, _)| word).to_vec()))
    }

    fn schema() -> Value {
        json!({ "enum": WAYS.map(|(word, _)| word) })
    }
}
