//! What calls wait with, where every switch between threads is the model's to choose.

use std::time::Duration;

pub use shuttle::sync::atomic::{AtomicUsize, Ordering};
pub use tokio::sync::Notify;

/// Never: what waits here is woken, or the model finds that nothing goes on.
#[derive(Debug)]
pub struct Elapsed;

/// Waits without an end.
pub async fn timeout<T>(_: Duration, future: impl Future<Output = T>) -> Result<T, Elapsed> {
    // A hold may end between the asking and the waiting.
    shuttle::future::yield_now().await;
    Ok(future.await)
}
