//! Work on the stack of the thread instead of that of a guest's fibre.
//!
//! A library that measures how much of the stack is left measures the thread's, and does not know a
//! fibre's. So it would have to be given a stack of its own each time, which takes longer than what
//! a decision of the policy does on it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

type Work = Box<dyn FnOnce() + Send>;

/// What is to be done before a future is polled again.
#[derive(Clone, Default)]
struct Waiting(Arc<Mutex<Vec<Work>>>);

tokio::task_local! {
    static WAITING: Waiting;
}

/// Lets `future`, which runs on stacks of its own, do its [`on_own_stack`] on the stack of whoever
/// polls this.
pub(crate) async fn serving<F: Future>(future: F) -> F::Output {
    let waiting = Waiting::default();
    let mut future = pin!(WAITING.scope(waiting.clone(), future));
    poll_fn(|context| {
        loop {
            let polled = future.as_mut().poll(context);
            let work = std::mem::take(&mut *lock(&waiting.0));
            if polled.is_ready() || work.is_empty() {
                return polled;
            }
            work.into_iter().for_each(|work| work());
        }
    })
    .await
}

/// Does `work` outside of the stack of a guest's fibre, and at once where no fibre is served.
pub(crate) async fn on_own_stack<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let Ok(waiting) = WAITING.try_with(Clone::clone) else {
        return work();
    };
    let done: Arc<Mutex<Option<T>>> = Arc::default();
    let mut work = Some(work);
    poll_fn(|context| {
        if let Some(done) = lock(&done).take() {
            return Poll::Ready(done);
        }
        if let Some(work) = work.take() {
            let (done, waker) = (done.clone(), context.waker().clone());
            lock(&waiting.0).push(Box::new(move || {
                *lock(&done) = Some(work());
                // What stands between may poll only what was woken.
                waker.wake();
            }));
        }
        Poll::Pending
    })
    .await
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn work_is_done_once_each_with_and_without_a_fibre() {
        assert_eq!(on_own_stack(|| 7).await, 7);
        let all = (0..10).map(|number| on_own_stack(move || number));
        assert_eq!(serving(join_all(all)).await, (0..10).collect::<Vec<_>>());
        let waits = async {
            tokio::task::yield_now().await;
            on_own_stack(|| 8).await
        };
        assert_eq!(serving(waits).await, 8);
    }
}
