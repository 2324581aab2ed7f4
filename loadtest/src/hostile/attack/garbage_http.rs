//! Sends what is no request, or one that nobody should take.

use crate::hostile::attempt::Attempt;
use crate::hostile::tally::Answer;
use crate::hostile::wire::Wire;

const REQUESTS: [&str; 10] = [
    "GET / HTTP/9.9\r\n\r\n",
    "GET\r\n\r\n",
    "BREW /v1/matches HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /..%2f..%2fetc/passwd HTTP/1.1\r\nHost: h\r\n\r\n",
    "POST /v1/matches HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{\"game\":[",
    "POST /v1/matches HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n",
    "POST /v1/matches HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "GET /v1/matches/nobody/socket HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "GET /v1/matches?limit=-1 HTTP/1.1\r\nHost: h\r\n\r\n",
    "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}\u{3}\u{3}\r\n\r\n",
];

pub(crate) async fn attempt(attempt: &mut Attempt) -> Result<Answer, Answer> {
    let mut wire = Wire::connect(attempt, None).await?;
    let choice = attempt.random.next() as usize % (REQUESTS.len() + 2);
    let bytes = match choice.checked_sub(REQUESTS.len()) {
        None => REQUESTS[choice].as_bytes().to_vec(),
        Some(0) => endless_line(),
        Some(_) => noise(attempt),
    };
    wire.send(attempt, &bytes).await?;
    wire.status().await.map(Answer::Status)
}

fn endless_line() -> Vec<u8> {
    let mut line = b"GET /".to_vec();
    line.resize(64 * 1024, b'a');
    line
}

fn noise(attempt: &mut Attempt) -> Vec<u8> {
    let mut noise = vec![0; 512];
    attempt.random.fill(&mut noise);
    noise.extend_from_slice(b"\r\n\r\n");
    noise
}
