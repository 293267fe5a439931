//! Blind tunnels: bytes for hosts that no provider claims pass unread.

use std::io;
use std::net::IpAddr;
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

/// Link-local addresses hold the credentials service of every cloud; nobody needs a proxy to them.
pub fn may_be_reached(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => !v4.is_link_local() && !v4.is_unspecified(),
        IpAddr::V6(v6) => !v6.is_unicast_link_local() && !v6.is_unspecified(),
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
            "0.0.0.0",
            "::",
        ] {
            assert!(!may_be_reached(address.parse().unwrap()), "{address}");
        }
        for address in ["127.0.0.1", "10.0.0.7", "1.1.1.1", "::1"] {
            assert!(may_be_reached(address.parse().unwrap()), "{address}");
        }
    }
}
