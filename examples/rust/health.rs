//! A service that says over HTTP how it is: `/health` for an orchestrator, where followers are as healthy as the leader, and `/leader` for a load balancer that is to
//! find the leader alone.
//!
//! ```sh
//! cargo run --example health -- redis://localhost:6379
//! ```

use incumbent::{BoxError, Candidate, Options, Status};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let url = std::env::args().nth(1).unwrap_or("redis://localhost:6379".into());
    let candidate = Candidate::new(Options::new().redis(url).kind("web"))?;
    let starting = candidate.clone();
    // It is of use before Redis is there: it says that it is not.
    tokio::spawn(async move { starting.start().await });

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let candidate = candidate.clone();
        tokio::spawn(async move {
            if let Err(error) = answer(stream, &candidate).await {
                eprintln!("{error}");
            }
        });
    }
}

/// The least of HTTP that serves here.
async fn answer(mut stream: TcpStream, candidate: &Candidate) -> std::io::Result<()> {
    let mut request = String::new();
    BufReader::new(&mut stream).read_line(&mut request).await?;
    let (status, body) = match request.split(' ').nth(1) {
        Some("/health") => health(candidate),
        // By the clock, at this very moment.
        Some("/leader") if candidate.is_leader() => ("200 OK", "it leads\n".into()),
        Some("/leader") => ("503 Service Unavailable", "it does not lead\n".into()),
        _ => ("404 Not Found", "there are /health and /leader\n".into()),
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    stream.shutdown().await
}

fn health(candidate: &Candidate) -> (&'static str, String) {
    let health = candidate.health();
    let status = if health.status == Status::Down { "503 Service Unavailable" } else { "200 OK" };
    let leader = health.leader.as_deref().unwrap_or("nobody");
    (status, format!("{}: {}, and {leader} leads\n", health.status, health.role))
}
