// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/log_chunk.hpp>
#include <avrig/unique_fd.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace avrig::dipstream {

/// Somebody who outlives a mixer and holds its memory for the successor: the launcher.
class Keeper {
 public:
  virtual ~Keeper() = default;
  /// Hold a copy of this descriptor, in place of a former one of that name. False: it will not.
  [[nodiscard]] virtual bool keep(const std::string& name, int fd) noexcept = 0;
  virtual void forget(const std::string& name) noexcept = 0;
  /// What a predecessor gave.
  [[nodiscard]] virtual std::map<std::string, UniqueFd>& kept() noexcept = 0;
};

/// A log that only grows, in chunks that a Keeper holds; a successor reads it and goes on with it.
///
/// Threads: `writer` is the one that appends; `control` may be another.
class KeptLog {
 public:
  /// Go on with a predecessor's log of this name, or begin one. Throws Error(Open).
  KeptLog(Keeper& keeper, std::string name, std::uint64_t chunk_bytes);
  ~KeptLog();
  KeptLog(const KeptLog&) = delete;
  KeptLog& operator=(const KeptLog&) = delete;

  /// False: there is no room before the next supply() (or the record is longer than any chunk).
  /// `spare`: bytes to leave for shorter records.
  ///
  /// Thread: writer      RT-safe: yes (wait-free)
  [[nodiscard]] bool append(std::uint32_t kind,
                            std::span<const std::byte> first,
                            std::span<const std::byte> second = {},
                            std::uint64_t spare = 0) noexcept;
  /// Have the next chunk ready.      Thread: control
  void supply();

  /// Number of the chunk that is being written to.      Thread: control
  [[nodiscard]] std::uint64_t newest() const noexcept {
    return newest_.load(std::memory_order_acquire);
  }
  /// A place between two records.
  struct Place {
    std::uint64_t chunk = 0;
    std::uint64_t at = 0;  ///< bytes
  };
  /// All records that were there when it was called, in order, from a place on (or from the first
  /// that is still kept), until `visit` says false. Returns the place of the one that it said it
  /// of, else the end.
  ///
  /// Thread: control; the writer may go on
  Place for_each(Place from, const std::function<bool(const shm::LogChunk::Record&)>& visit) const;
  /// Behind the newest record.      Thread: writer
  [[nodiscard]] Place end() const noexcept { return {current_->number(), current_->written()}; }
  /// Bytes that were ever written, roughly.      Thread: control
  [[nodiscard]] std::uint64_t written() const noexcept;
  /// Bytes of the chunks that are there, whatever is in them.      Thread: control
  [[nodiscard]] std::uint64_t bytes() const noexcept { return chunks_.size() * chunk_bytes_; }
  /// Nobody is to go on with it. The memory itself stays while we do.      Thread: control
  void give_up() noexcept;
  /// Let go of the chunks before this one.      Thread: control
  void drop_before(std::uint64_t number);

 private:
  [[nodiscard]] std::string chunk_name(std::uint64_t number) const;
  void make(std::uint64_t number);

  struct Chunk {
    shm::Segment segment;
    std::unique_ptr<shm::LogChunk> mapped;  // while the writer may need it
  };

  Keeper* keeper_;
  std::string name_;
  std::uint64_t chunk_bytes_;
  std::map<std::uint64_t, Chunk> chunks_;
  shm::LogChunk* current_ = nullptr;  // the writer's
  std::atomic<shm::LogChunk*> next_{nullptr};
  std::atomic<std::uint64_t> newest_{0};
};

}  // namespace avrig::dipstream
