//! Access to the module's memory during a call that the module makes.

use wasmtime::{Caller, Error, Extern, Memory, Result};

use crate::state::State;

/// A module that is in a host call.
pub struct Guest<'a> {
    caller: Caller<'a, State>,
    memory: Memory,
}

impl<'a> Guest<'a> {
    /// Makes a guest of the caller.
    ///
    /// # Errors
    ///
    /// If the module exports no memory.
    pub fn new(mut caller: Caller<'a, State>) -> Result<Self> {
        let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
            return Err(Error::msg("the module exports no memory"));
        };
        Ok(Self { caller, memory })
    }

    /// Returns the state of the worker.
    pub fn state(&mut self) -> &mut State {
        self.caller.data_mut()
    }

    /// Reads bytes.
    pub fn bytes(&self, at: u32, len: u32) -> Result<Vec<u8>> {
        let (at, len) = (at as usize, len as usize);
        let bytes = self.memory.data(&self.caller).get(at..at.saturating_add(len));
        bytes.map(<[u8]>::to_vec).ok_or_else(|| Error::msg("a pointer outside the module's memory"))
    }

    /// Reads UTF-8 text.
    pub fn text(&self, at: u32, len: u32) -> Result<String> {
        Ok(String::from_utf8(self.bytes(at, len)?)?)
    }

    /// Reads a number of 32 bits.
    pub fn number(&self, at: u32) -> Result<u32> {
        let four = self.bytes(at, 4)?;
        Ok(u32::from_le_bytes(four.try_into().map_err(|_| Error::msg("four bytes"))?))
    }

    /// Writes bytes.
    pub fn put(&mut self, at: u32, bytes: &[u8]) -> Result<()> {
        Ok(self.memory.write(&mut self.caller, at as usize, bytes)?)
    }

    /// Writes a number of 32 bits.
    pub fn put_number(&mut self, at: u32, number: u32) -> Result<()> {
        self.put(at, &number.to_le_bytes())
    }

    /// Copies bytes into memory that the module allocates, and writes their address and length.
    /// Like Envoy, it passes a null pointer for no bytes.
    pub fn copy_in(&mut self, bytes: &[u8], pointer: u32, length: u32) -> Result<()> {
        let len = u32::try_from(bytes.len())?;
        let mut at = 0;
        if len > 0 {
            let Some(Extern::Func(allocate)) = self.caller.get_export("proxy_on_memory_allocate") else {
                return Err(Error::msg("the module exports no proxy_on_memory_allocate"));
            };
            at = allocate.typed::<u32, u32>(&self.caller)?.call(&mut self.caller, len)?;
            self.put(at, bytes)?;
        }
        self.put_number(pointer, at)?;
        self.put_number(length, len)
    }
}
