//! The process's one tokio runtime: a single worker thread, on which every candidate of every environment runs.

use std::sync::Mutex;
use std::time::Duration;

use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;
use tokio::runtime::{Builder, Handle, Runtime};

static PROCESS: Mutex<Process> = Mutex::new(Process { runtime: None, environments: 0 });

/// How long the end of the last environment waits for the worker thread.
const JOIN_TIMEOUT: Duration = Duration::from_millis(500);

struct Process {
    runtime: Option<Runtime>,
    /// How many of Node's environments (the main thread, worker threads) have loaded the addon.
    environments: usize,
}

/// The runtime, begun at the first use.
pub fn handle() -> std::io::Result<Handle> {
    let mut process = PROCESS.lock().expect("no panic holds the lock");
    if process.runtime.is_none() {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(2)
            .thread_name("incumbent")
            .enable_all()
            .build()?;
        process.runtime = Some(runtime);
    }
    let runtime = process.runtime.as_ref().expect("it was just begun");
    Ok(runtime.handle().clone())
}

/// Runs once in each environment that loads the addon. The last one to be torn down joins the worker thread.
#[napi(module_exports)]
pub fn load(_exports: Object, env: Env) -> Result<()> {
    PROCESS.lock().expect("no panic holds the lock").environments += 1;
    env.add_env_cleanup_hook((), |()| {
        let runtime = {
            let mut process = PROCESS.lock().expect("no panic holds the lock");
            process.environments -= 1;
            if process.environments > 0 { None } else { process.runtime.take() }
        };
        if let Some(runtime) = runtime {
            runtime.shutdown_timeout(JOIN_TIMEOUT);
        }
    })?;
    Ok(())
}
