//! The HTTP/1.1 end: the reply's bytes in the reply's order, nothing added.

use std::io;

use super::super::message::{bytes, chunk};
use super::super::wire::Wire;
use super::{Framing, Record, Reply, Script, Step, TRICKLE_EVERY};

/// How an answer ended for the connection.
#[derive(PartialEq, Eq)]
enum After {
    KeepAlive,
    Close,
    Reset,
}

/// Serves one connection until either side ends it.
pub async fn serve(mut wire: Wire, script: Script, early: bool, record: Record, connection: usize) {
    loop {
        match wire.idle().await {
            Ok(true) => {}
            Ok(false) | Err(_) => return,
        }
        let Ok(Some(head)) = wire.read_head().await else {
            return;
        };
        let kind = head.framing(None);
        let expects = head
            .get("expect")
            .is_some_and(|value| value == "100-continue");
        let at = record.begin(connection, head);
        let reply = early.then(|| script(&record.entry(at)));
        if expects && reply.is_none() && wire.write(b"HTTP/1.1 100 Continue\r\n\r\n").await.is_err()
        {
            return;
        }
        let reply = match reply {
            Some(reply) => reply,
            None => {
                let mut grow = |piece: &[u8]| {
                    record.note(at, |entry| entry.body.data.extend_from_slice(piece));
                };
                let body = wire.read_body(kind, &mut grow).await;
                let complete = body.complete;
                record.note(at, |entry| entry.body = body);
                if !complete {
                    record.note(at, |entry| entry.cut = true);
                    return;
                }
                script(&record.entry(at))
            }
        };
        match answer(&mut wire, &record, at, &reply).await {
            Ok(After::KeepAlive) if !early => {}
            Ok(After::Reset) => return wire.reset(),
            Ok(_) if early => {
                let body = wire.read_body(kind, &mut |_| {}).await;
                record.note(at, |entry| entry.body = body);
                return;
            }
            Ok(_) => return,
            Err(_) => {
                record.note(at, |entry| entry.cut = true);
                return;
            }
        }
    }
}

async fn answer(wire: &mut Wire, record: &Record, at: usize, reply: &Reply) -> io::Result<After> {
    if !reply.is_silent() {
        wire.write(&head_bytes(reply)).await?;
    }
    for step in &reply.steps {
        match step {
            Step::Send(data) if reply.framing == Framing::Chunked => {
                if !data.is_empty() {
                    wire.write(&chunk(data)).await?;
                }
            }
            Step::Send(data) => wire.write(data).await?,
            Step::Wait(gate) => tokio::select! {
                () = gate.passed() => {}
                () = wire.gone() => return Err(io::ErrorKind::ConnectionAborted.into()),
            },
            Step::Trickle(data) => loop {
                wire.write(&chunk(data)).await?;
                tokio::select! {
                    () = tokio::time::sleep(TRICKLE_EVERY) => {}
                    () = wire.gone() => return Err(io::ErrorKind::ConnectionAborted.into()),
                }
            },
            Step::Close => return Ok(After::Close),
            Step::Reset => return Ok(After::Reset),
        }
    }
    if reply.framing == Framing::Chunked {
        let mut end = b"0\r\n".to_vec();
        for (name, value) in &reply.trailers {
            end.extend_from_slice(&bytes(&format!("{name}: {value}\r\n")));
        }
        end.extend_from_slice(b"\r\n");
        wire.write(&end).await?;
    }
    record.note(at, |entry| entry.answered = true);
    Ok(match reply.framing {
        Framing::UntilClose => {
            let _ = wire.finish().await;
            After::Close
        }
        _ => After::KeepAlive,
    })
}

fn head_bytes(reply: &Reply) -> Vec<u8> {
    let mut head = reply.interim.clone();
    let mut text = format!("HTTP/1.1 {} {}\r\n", reply.status, reply.reason);
    for (name, value) in &reply.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    let stated = reply
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    match reply.framing {
        Framing::Length if !stated => {
            text.push_str(&format!("Content-Length: {}\r\n", reply.body().len()));
        }
        Framing::Chunked => text.push_str("Transfer-Encoding: chunked\r\n"),
        _ => {}
    }
    text.push_str("\r\n");
    head.extend_from_slice(&bytes(&text));
    head
}
