//! Instances that talk: each line of the input is a command, and what happens is printed. Start it several times, or beside services in Node.js of the same kind:
//!
//! ```sh
//! cargo run --example messaging -- redis://localhost:6379 chat
//! ```

use incumbent::{BoxError, Candidate, Event, Events, Options, SenderRole};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

const HELP: &str = "\
all VALUE         to all others; a value is JSON, or else a text
leader VALUE      to the leader
followers VALUE   to those that do not lead
to ID VALUE       to one instance
reelect           lets another one lead
transfer ID       lets that one lead
who               lists the instances
stop              ends, as the end of the input does";

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or("redis://localhost:6379".into());
    let kind = arguments.next().unwrap_or("chat".into());
    let candidate = Candidate::new(Options::new().redis(url).kind(kind).meta("Rust"))?;
    let printing = tokio::spawn(print(candidate.events()));
    candidate.start().await?;
    println!("started {}", candidate.id());

    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        if line == "stop" {
            break;
        }
        match obey(&candidate, &line).await {
            Ok(answer) => println!("{answer}"),
            Err(error) => println!("failed {error}"),
        }
    }
    candidate.stop().await;
    drop(candidate);
    printing.await?;
    println!("stopped");
    Ok(())
}

async fn obey(candidate: &Candidate, line: &str) -> Result<String, incumbent::Error> {
    let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
    match command {
        "all" => candidate.message_all(&value(rest)).await?,
        "leader" => candidate.message_leader(&value(rest)).await?,
        "followers" => candidate.message_followers(&value(rest)).await?,
        "to" => {
            let (id, text) = rest.split_once(' ').unwrap_or((rest, ""));
            candidate.message_to(id, &value(text)).await?;
        }
        "reelect" => candidate.reelect().await?,
        "transfer" => return Ok(format!("done, {} leads", candidate.transfer_to(rest).await?)),
        "who" => {
            let instances = candidate.instances().await?;
            let lines = instances
                .iter()
                .map(|one| format!("{} {} {}", one.id(), one.state(), one.meta_json()));
            return Ok(format!("done\n{}", lines.collect::<Vec<_>>().join("\n")));
        }
        _ => return Ok(HELP.into()),
    }
    Ok("done".into())
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

async fn print(mut events: Events) {
    while let Some(event) = events.next().await {
        match event {
            Event::Elected(reign) => println!("elected in term {}", reign.term()),
            Event::Defeated { leader, .. } => println!("defeated by {leader:?}"),
            Event::Joined(instance) => println!("joined {}", instance.id()),
            Event::Left(instance) => println!("left {}", instance.id()),
            Event::Error(error) | Event::Warning(error) => eprintln!("{error}"),
            Event::Message(message) => {
                let role = match message.sender_role() {
                    Some(SenderRole::Leader) => " (the leader)",
                    _ => "",
                };
                let shown = match message.bytes() {
                    Some(bytes) => format!("{bytes:?}"),
                    None => message.json::<Value>().unwrap_or_default().to_string(),
                };
                println!("message from {}{role}: {shown}", message.from());
            }
            _ => {}
        }
    }
}
