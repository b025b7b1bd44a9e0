//! The memory of the module, from within a call that it makes.

use wasmtime::{Caller, Error, Extern, Memory, Result};

use crate::state::State;

/// A module that has called its host.
pub struct Guest<'a> {
    caller: Caller<'a, State>,
    memory: Memory,
}

impl<'a> Guest<'a> {
    pub fn new(mut caller: Caller<'a, State>) -> Result<Self> {
        let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
            return Err(Error::msg("the module exports no memory"));
        };
        Ok(Self { caller, memory })
    }

    pub fn state(&mut self) -> &mut State {
        self.caller.data_mut()
    }

    pub fn bytes(&self, at: u32, len: u32) -> Result<Vec<u8>> {
        let (at, len) = (at as usize, len as usize);
        let bytes = self.memory.data(&self.caller).get(at..at.saturating_add(len));
        bytes.map(<[u8]>::to_vec).ok_or_else(|| Error::msg("a pointer that leads out of the module's memory"))
    }

    pub fn text(&self, at: u32, len: u32) -> Result<String> {
        Ok(String::from_utf8(self.bytes(at, len)?)?)
    }

    pub fn number(&self, at: u32) -> Result<u32> {
        let four = self.bytes(at, 4)?;
        Ok(u32::from_le_bytes(four.try_into().map_err(|_| Error::msg("four bytes"))?))
    }

    pub fn put(&mut self, at: u32, bytes: &[u8]) -> Result<()> {
        Ok(self.memory.write(&mut self.caller, at as usize, bytes)?)
    }

    pub fn put_number(&mut self, at: u32, number: u32) -> Result<()> {
        self.put(at, &number.to_le_bytes())
    }

    /// Gives bytes to the module, in memory that it makes for them; nothing is a null pointer, as Envoy has it.
    pub fn give(&mut self, bytes: &[u8], pointer: u32, length: u32) -> Result<()> {
        let len = u32::try_from(bytes.len())?;
        let mut at = 0;
        if len > 0 {
            let Some(Extern::Func(allocate)) = self.caller.get_export("proxy_on_memory_allocate") else {
                return Err(Error::msg("the module cannot be given anything"));
            };
            at = allocate.typed::<u32, u32>(&self.caller)?.call(&mut self.caller, len)?;
            self.put(at, bytes)?;
        }
        self.put_number(pointer, at)?;
        self.put_number(length, len)
    }
}
