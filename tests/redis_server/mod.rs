//! A redis-server of a test's own: on a free port of 127.0.0.1, without persistence, killed when it is dropped.
//!
//! The program is `redis-server` from the PATH, or what INCUMBENT_REDIS_SERVER names. The tests within the crate include this file as well as those of tests/.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use redis::{FromRedisValue, Value};

/// How long a server may take to come up; generous, since the machine may be busy.
const START_LIMIT: Duration = Duration::from_secs(20);

pub struct RedisServer {
    port: u16,
    options: Vec<String>,
    process: Option<Child>,
}

impl RedisServer {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts with further options, such as `--maxmemory 1mb`, each word an item.
    pub fn start_with(options: &[&str]) -> Self {
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        // Another process may take the port between its choice and its use.
        for _ in 0..10 {
            let mut server = Self { port: free_port(), options: options.clone(), process: None };
            if server.try_start() {
                return server;
            }
        }
        panic!(
            "redis-server does not start; is it on the PATH, or named by INCUMBENT_REDIS_SERVER?"
        );
    }

    /// Starts again on the same port, with no data.
    pub fn restart(&mut self) {
        self.kill();
        assert!(self.try_start(), "redis-server does not start again");
    }

    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Stops the process where it is: connections stand, and nothing is answered. A paused server dies as others do.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    pub fn resume(&self) {
        self.signal("CONT");
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Runs a command, words separated by spaces, on a connection of its own.
    pub fn run(&self, command: &str) -> Value {
        self.query(&command.split(' ').collect::<Vec<_>>())
    }

    /// Makes it the one node of a cluster. (Redis 6.2 knows no ranges of slots.)
    pub fn keep_all_slots(&self) {
        let slots: Vec<String> = (0..16_384).map(|slot| slot.to_string()).collect();
        let words = ["CLUSTER", "ADDSLOTS"].into_iter().chain(slots.iter().map(String::as_str));
        let _: () = self.query(&words.collect::<Vec<_>>());
    }

    /// Runs a command of any words on a connection of its own.
    pub fn query<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let client = redis::Client::open(self.url()).expect("the URL is sound");
        let mut connection = client.get_connection().expect("the server is up");
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut connection).expect("the command is sound")
    }

    fn try_start(&mut self) -> bool {
        let program = std::env::var("INCUMBENT_REDIS_SERVER");
        let mut command = Command::new(program.as_deref().unwrap_or("redis-server"));
        command
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--save", "", "--appendonly", "no"])
            // A replica is sent a file, which no other server is to find.
            .args(["--rdb-del-sync-files", "yes", "--dbfilename", &format!("{}.rdb", self.port)])
            .arg("--dir")
            .arg(std::env::temp_dir())
            .args(&self.options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let Ok(mut process) = command.spawn() else { return false };
        let limit = Instant::now() + START_LIMIT;
        while Instant::now() < limit && matches!(process.try_wait(), Ok(None)) {
            if self.answers() {
                self.process = Some(process);
                return true;
            }
            sleep(Duration::from_millis(5));
        }
        let _ = process.kill();
        let _ = process.wait();
        false
    }

    fn answers(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    fn signal(&self, name: &str) {
        let process = self.process.as_ref().expect("the server runs");
        let command = format!("kill -{name} {}", process.id());
        let status = Command::new("sh").args(["-c", &command]).status();
        assert!(status.is_ok_and(|status| status.success()), "{command}");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("some port is free");
    listener.local_addr().expect("it is bound").port()
}
