//! A job of which one copy runs, however many copies of the service do. Start it twice, and end the one that works:
//!
//! ```sh
//! cargo run --example singleton_job -- redis://localhost:6379
//! ```
//!
//! Without a server, it elects among itself alone.

use std::time::Duration;

use incumbent::{BoxError, Candidate, Event, Options, Reign};
use tokio::io::{AsyncReadExt, stdin};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let options = Options::new().kind("singleton-job");
    let options = match std::env::args().nth(1) {
        Some(url) => options.redis(url),
        None => options.memory(),
    };
    let candidate = Candidate::new(options)?;
    let mut events = candidate.events();
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            match event {
                Event::Error(error) | Event::Warning(error) => eprintln!("{error}"),
                _ => {}
            }
        }
    });

    let mut job = candidate.lead(count);
    candidate.start().await?;
    println!("{} has started; end its input to stop it", candidate.id());
    let (mut input, mut ignored) = (stdin(), Vec::new());
    tokio::select! {
        failed = job.done() => failed?,
        _ = input.read_to_end(&mut ignored) => {}
    }
    candidate.stop().await;
    println!("stopped");
    Ok(())
}

/// Counts on from where the last leader ended.
async fn count(reign: Reign) -> Result<(), BoxError> {
    let mut count: u64 = reign.checkpoint()?.unwrap_or(0);
    while !reign.is_over() {
        count += 1;
        // A leader of old is refused here, which ends the function.
        reign.set_checkpoint(&count).await?;
        println!("{count}, in term {}", reign.term());
        tokio::select! {
            () = reign.over() => {}
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
        }
    }
    Ok(())
}
