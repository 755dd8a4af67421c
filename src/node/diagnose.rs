//! The doctor, as index.js calls it: one question, one answer.

use napi::Status;
use napi::bindgen_prelude::{FnArgs, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;

use super::error::{Code, CodedError, error};
use super::runtime;
use crate::candidate::Options;
use crate::doctor::{Subject, examine};

type DoneArgs = FnArgs<(String,)>;
type Done = ThreadsafeFunction<String, (), DoneArgs, Status, false>;

/// Looks whether the server is fit for what the options name, which are those of a candidate, and for `fenced()` where that is to be called. `done` is called with the report, as JSON.
#[napi(catch_unwind)]
pub fn diagnose(
    options: String,
    uses_fenced: bool,
    #[napi(ts_arg_type = "(report: string) => void")] done: Function<'_, DoneArgs, ()>,
) -> Result<(), CodedError> {
    let refused = |reason: String| error(Code::InvalidOption, reason);
    let subject: Subject =
        Options::parse(&options).and_then(|o| o.subject(uses_fenced)).map_err(refused)?;
    let runtime = runtime::handle().map_err(|cause| error(Code::Internal, cause))?;
    let done: Done = done
        .build_threadsafe_function::<String>()
        .callee_handled::<false>()
        .build_callback(|context| Ok((context.value,).into()))
        .map_err(|cause| error(Code::Internal, cause.reason))?;
    runtime.spawn(async move {
        let report = examine(&subject).await;
        let json = serde_json::to_string(&report).expect("a report has only keys that are text");
        // An error would mean that nobody is there to be told any more.
        let _ = done.call(json, ThreadsafeFunctionCallMode::NonBlocking);
    });
    Ok(())
}
