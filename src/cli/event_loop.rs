//! The event loop of a run.

/// The event loop of a run: one thread.
///
/// # Errors
/// When the system cannot create it.
pub(crate) fn event_loop() -> haul::Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.map_err(|source| haul::Error::Setup {
        what: "the event loop",
        source: source.into(),
    })
}
