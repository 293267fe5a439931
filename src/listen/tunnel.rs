//! Blind tunnels: bytes for hosts that no provider claims pass unread.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::dial;
use crate::config::HostPort;

/// How long the far side may take to answer.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Opens the far side of a tunnel.
pub async fn open(target: &HostPort) -> io::Result<TcpStream> {
    match timeout(
        CONNECT_LIMIT,
        dial::direct(&target.host, target.port, may_be_reached),
    )
    .await
    {
        Ok(result) => result,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "no answer within 10 s",
        )),
    }
}

/// Carries bytes both ways until both sides are done.
pub async fn carry<C>(client: &mut C, far: &mut TcpStream) -> io::Result<()>
where
    C: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    copy_bidirectional(client, far).await.map(|_| ())
}

/// The address of Alibaba Cloud's credentials service, which is not link-local.
const ALIBABA_METADATA: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);
/// The address of AWS's over IPv6.
const AWS_METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// The addresses of this weir.
static OWN: OnceLock<Vec<SocketAddr>> = OnceLock::new();

/// Keeps clients from reaching weir's own addresses through weir: the admin side takes whoever comes from this
/// machine for its operator, and that would be everybody. Only the first telling counts.
pub fn keep_own(addresses: Vec<SocketAddr>) {
    let _ = OWN.set(addresses);
}

fn is_own(to: SocketAddr, own: &[SocketAddr]) -> bool {
    let ip = to.ip().to_canonical();
    own.iter().any(|own| {
        // One that listens everywhere is reached by any address of this machine.
        let same = own.ip().is_unspecified() || ip.is_loopback() || own.ip().to_canonical() == ip;
        own.port() == to.port() && same
    })
}

/// Whether a client's own choice of host may be dialled.
pub fn may_be_reached(address: SocketAddr) -> bool {
    let own = OWN.get().map(Vec::as_slice).unwrap_or_default();
    !is_own(address, own) && ip_may_be_reached(address.ip())
}

/// Link-local addresses hold the credentials services of clouds; nobody needs a proxy to them.
fn ip_may_be_reached(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4_may_be_reached(v4),
        IpAddr::V6(v6) => {
            let plain =
                !v6.is_unicast_link_local() && !v6.is_unspecified() && v6 != AWS_METADATA_V6;
            plain && embedded_v4(v6).is_none_or(v4_may_be_reached)
        }
    }
}

fn v4_may_be_reached(v4: Ipv4Addr) -> bool {
    !v4.is_link_local() && !v4.is_unspecified() && v4 != ALIBABA_METADATA
}

/// The IPv4 address inside a NAT64 (`64:ff9b::/96`) or 6to4 (`2002::/16`) one.
fn embedded_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let joined =
        |high: u16, low: u16| Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low));
    match (a, b) {
        (0x64, 0xff9b) if [c, d, e, f] == [0; 4] => Some(joined(g, h)),
        (0x2002, _) => Some(joined(b, c)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_clients_from_the_credentials_service() {
        for address in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "100.100.100.200",
            "0.0.0.0",
            "::",
        ] {
            assert!(!ip_may_be_reached(address.parse().unwrap()), "{address}");
        }
        for address in ["127.0.0.1", "10.0.0.7", "1.1.1.1", "::1"] {
            assert!(ip_may_be_reached(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn keeps_clients_from_weirs_own_addresses() {
        let at = |text: &str| -> SocketAddr { text.parse().unwrap() };
        let own = [at("127.0.0.1:8901"), at("0.0.0.0:8900")];
        for address in [
            "127.0.0.1:8901",
            "[::ffff:127.0.0.1]:8901",
            "127.0.0.2:8901",
            "10.0.0.7:8900",
        ] {
            assert!(is_own(at(address), &own), "{address}");
        }
        for address in ["127.0.0.1:8902", "10.0.0.7:8901", "1.1.1.1:443"] {
            assert!(!is_own(at(address), &own), "{address}");
        }
    }
}
