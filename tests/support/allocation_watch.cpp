// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "allocation_watch.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

thread_local bool watched = false;
thread_local long seen = 0;

void* counted(std::size_t size, std::size_t alignment) {
  seen += watched ? 1 : 0;
  const std::size_t step =
      alignment < alignof(std::max_align_t) ? alignof(std::max_align_t) : alignment;
  const std::size_t rounded = size == 0 ? step : (size + step - 1) / step * step;
  void* memory =
      alignment == 0 ? std::malloc(size == 0 ? 1 : size) : std::aligned_alloc(step, rounded);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}

void released(void* memory) noexcept {
  seen += watched ? 1 : 0;
  std::free(memory);
}

}  // namespace

namespace avrig::test {

AllocationWatch::AllocationWatch() noexcept {
  seen = 0;
  watched = true;
}
AllocationWatch::~AllocationWatch() {
  watched = false;
}
long AllocationWatch::count() const noexcept {
  return seen;
}

}  // namespace avrig::test

void* operator new(std::size_t size) {
  return counted(size, 0);
}
void* operator new[](std::size_t size) {
  return counted(size, 0);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  released(memory);
}
void operator delete[](void* memory) noexcept {
  released(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  released(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  released(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  released(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  released(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  released(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  released(memory);
}
