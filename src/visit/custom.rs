//! The result of a program's own extractor for a page: a value of a type of the program.

use std::any::Any;

/// The result of a program's own extractor for a page; empty if it was not called.
#[derive(Debug, Default)]
pub struct Custom(Option<Box<dyn Any + Send + Sync>>);

impl Custom {
    /// Wraps a value.
    pub(crate) fn of(value: Box<dyn Any + Send + Sync>) -> Self {
        Self(Some(value))
    }

    /// The value, if there is one and it is of this type.
    pub fn get<T: 'static>(&self) -> Option<&T> {
        self.0.as_ref()?.downcast_ref()
    }

    /// Takes the value out, if there is one and it is of this type.
    pub fn take<T: 'static>(&mut self) -> Option<T> {
        match self.0.take()?.downcast() {
            Ok(value) => Some(*value),
            Err(other) => {
                self.0 = Some(other);
                None
            }
        }
    }
}
