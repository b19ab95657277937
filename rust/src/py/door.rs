//! The one way in: the GIL released, Ctrl-C heard, panics and errors turned into exceptions.
#![forbid(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::{PyMemoryError, PyOverflowError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::batch::Poll;
use crate::error::Error;

/// Runs `work` detached from the interpreter.
pub fn enter<R: Send>(py: Python<'_>, work: impl FnOnce(Poll<'_>) -> Result<R, Error> + Send) -> PyResult<R> {
    let mut raised = None;
    let outcome = py.detach(|| {
        // Signals are seen on the main thread only; elsewhere this asks in vain, and cheaply. An interpreter that is
        // shutting down can no longer be attached to: stop.
        let mut poll = || match Python::try_attach(|py| py.check_signals()) {
            Some(Ok(())) => false,
            Some(Err(error)) => {
                raised = Some(error);
                true
            }
            None => true,
        };
        catch_unwind(AssertUnwindSafe(|| work(&mut poll))).unwrap_or(Err(Error::Internal))
    });
    match (outcome, raised) {
        (Err(Error::Interrupted), Some(error)) => Err(error),
        (outcome, _) => outcome.map_err(to_exception),
    }
}

/// The exception that stands for an error of the core.
pub fn to_exception(error: Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::Argument(_) => PyValueError::new_err(message),
        Error::OutOfMemory(_) | Error::MemoryLimit { .. } => PyMemoryError::new_err(message),
        Error::TotalOverflow => PyOverflowError::new_err(message),
        Error::Interrupted | Error::ConcurrentMutation | Error::Internal => PyRuntimeError::new_err(message),
    }
}
