//! The HTTP/2 end: one data frame for each step.

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};

use super::super::message::{Head, bytes};
use super::super::wire::Io;
use super::{Framing, Record, Reply, Script, Step, TRICKLE_EVERY};

/// Windows wide enough that no test waits for credit unless it wants to.
const WINDOW_BYTES: u32 = 16 << 20;

/// Serves one connection until either side ends it.
pub async fn serve(
    io: Box<dyn Io>,
    script: Script,
    early: bool,
    record: Record,
    connection: usize,
) {
    let handshake = h2::server::Builder::new()
        .initial_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .handshake::<_, Bytes>(io);
    let Ok(mut streams) = handshake.await else {
        return;
    };
    while let Some(Ok((request, respond))) = streams.accept().await {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
        let mut head = Head::of_h2(format!("{} {path} HTTP/2", parts.method), &parts.headers);
        if let Some(authority) = parts.uri.authority() {
            head.headers
                .insert(0, ("host".to_owned(), authority.to_string()));
        }
        let at = record.begin(connection, head);
        tokio::spawn(exchange(
            body,
            respond,
            script.clone(),
            early,
            record.clone(),
            at,
        ));
    }
}

async fn exchange(
    body: RecvStream,
    mut respond: SendResponse<Bytes>,
    script: Script,
    early: bool,
    record: Record,
    at: usize,
) {
    let expects = record.entry(at).head.get("expect") == Some("100-continue");
    if expects && !early {
        let go_on = http::Response::builder()
            .status(100)
            .body(())
            .expect("a valid head");
        if respond.send_informational(go_on).is_err() {
            return;
        }
    }
    let reading = read(body, record.clone(), at);
    if early {
        tokio::spawn(reading);
    } else if !reading.await {
        record.note(at, |entry| entry.cut = true);
        return;
    }
    let reply = script(&record.entry(at));
    let sent = answer(&mut respond, &reply).await;
    record.note(at, |entry| match sent {
        Ok(true) => entry.answered = true,
        Ok(false) => {}
        Err(_) => entry.cut = true,
    });
}

/// Reads the body into the record; `false` where it breaks off.
async fn read(mut body: RecvStream, record: Record, at: usize) -> bool {
    while let Some(data) = body.data().await {
        let Ok(data) = data else { return false };
        let _ = body.flow_control().release_capacity(data.len());
        record.note(at, |entry| {
            entry.body.chunks.push(data.len());
            entry.body.data.extend_from_slice(&data);
        });
    }
    record.note(at, |entry| entry.body.complete = true);
    true
}

/// Sends the reply; `Ok(false)` where the script itself broke it off.
async fn answer(respond: &mut SendResponse<Bytes>, reply: &Reply) -> Result<bool, h2::Error> {
    if reply.is_silent() {
        if let Some(Step::Wait(gate)) = reply.steps.first() {
            gate.passed().await;
        }
        respond.send_reset(Reason::INTERNAL_ERROR);
        return Ok(false);
    }
    let mut head = http::Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        head = head.header(name.to_ascii_lowercase(), bytes(value));
    }
    let stated = reply
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    if reply.framing == Framing::Length && !stated {
        head = head.header("content-length", reply.body().len());
    }
    let head = head.body(()).expect("a valid head");
    let ends_here = reply.steps.is_empty() && reply.trailers.is_empty();
    let mut stream = respond.send_response(head, ends_here)?;
    if ends_here {
        return Ok(true);
    }
    for step in &reply.steps {
        match step {
            Step::Send(data) => stream.send_data(Bytes::from(data.clone()), false)?,
            Step::Wait(gate) => tokio::select! {
                () = gate.passed() => {}
                reason = reset(&mut stream) => return Err(reason.into()),
            },
            Step::Trickle(data) => loop {
                stream.send_data(Bytes::from(data.clone()), false)?;
                tokio::select! {
                    () = tokio::time::sleep(TRICKLE_EVERY) => {}
                    reason = reset(&mut stream) => return Err(reason.into()),
                }
            },
            Step::Close | Step::Reset => {
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Ok(false);
            }
        }
    }
    if reply.trailers.is_empty() {
        stream.send_data(Bytes::new(), true)?;
    } else {
        let mut trailers = http::HeaderMap::new();
        for (name, value) in &reply.trailers {
            let name: http::HeaderName = name.parse().expect("a header name");
            trailers.append(name, value.parse().expect("a header value"));
        }
        stream.send_trailers(trailers)?;
    }
    Ok(true)
}

/// Returns when the peer resets the stream or goes away.
async fn reset(stream: &mut SendStream<Bytes>) -> Reason {
    std::future::poll_fn(|context| stream.poll_reset(context))
        .await
        .unwrap_or(Reason::CANCEL)
}
