// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/shm/segment.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <boost/interprocess/mapped_region.hpp>

namespace avrig::shm {
namespace {

namespace bip = boost::interprocess;

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

/// What `mapped_region` asks of a memory object: its handle and its mode, nothing else.
class MemfdMapping {
 public:
  MemfdMapping(int fd, bip::mode_t mode) noexcept : fd_(fd), mode_(mode) {}
  [[nodiscard]] bip::mapping_handle_t get_mapping_handle() const noexcept {
    return bip::mapping_handle_t{fd_, false};
  }
  [[nodiscard]] bip::mode_t get_mode() const noexcept { return mode_; }

 private:
  int fd_;
  bip::mode_t mode_;
};

/// Addresses for a mapping that begins at a multiple of a large page.
class LargePlace {
 public:
  explicit LargePlace(std::size_t bytes)
      : bytes_(round_up(bytes, kPageBytes)),
        all_(::mmap(nullptr,
                    bytes_ + kLargePageBytes,
                    PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1,
                    0)) {}
  /// What is not taken is given back.
  ~LargePlace() {
    if (all_ == MAP_FAILED) {
      return;
    }
    const auto first = reinterpret_cast<std::uintptr_t>(all_);
    const auto place = reinterpret_cast<std::uintptr_t>(address());
    const auto end = place + (taken_ ? bytes_ : 0);
    (void)::munmap(all_, place - first);
    (void)::munmap(reinterpret_cast<void*>(end), first + bytes_ + kLargePageBytes - end);
  }
  LargePlace(const LargePlace&) = delete;
  LargePlace& operator=(const LargePlace&) = delete;

  /// Null where there is no room.
  [[nodiscard]] void* address() const noexcept {
    return all_ == MAP_FAILED ? nullptr
                              : reinterpret_cast<void*>(round_up(
                                    reinterpret_cast<std::uintptr_t>(all_), kLargePageBytes));
  }
  void take() noexcept { taken_ = true; }

 private:
  std::size_t bytes_;
  void* all_;
  bool taken_ = false;
};

bip::mapped_region map_large(const MemfdMapping& memory, std::size_t bytes) {
#ifndef MADV_COLLAPSE  // since Linux 6.1, later than the C library's headers
  constexpr int MADV_COLLAPSE = 25;
#endif
  LargePlace place(bytes);
  if (place.address() == nullptr) {
    return {memory, memory.get_mode(), 0, bytes};
  }
  bip::mapped_region mapped(memory, memory.get_mode(), 0, bytes, place.address(), MAP_FIXED);
  place.take();
  // Asked for by name, also shared memory has them: what /sys/kernel/mm/transparent_hugepage/
  // shmem_enabled says is for those who do not ask. An older system leaves it as it is.
  (void)::madvise(mapped.get_address(), bytes, MADV_COLLAPSE);
  return mapped;
}

/// Read one word of each line, as far as a large cache reaches: the first lap through a pool then
/// finds its page tables walked and its lines near, like later ones. A millisecond or two, once.
void warm(std::span<const std::byte> bytes) noexcept {
  constexpr std::size_t kCacheBytes = std::size_t{32} << 20;
  constexpr std::size_t kLineBytes = 64;
  volatile std::byte sink{};
  for (std::size_t at = 0; at < std::min(bytes.size(), kCacheBytes); at += kLineBytes) {
    sink = bytes[at];
  }
  (void)sink;
}

/// Fault every page in now. fallocate() backs the file but leaves each page of each mapping to a
/// fault of its own; MADV_POPULATE_* (Linux 5.14) takes them all in one call.
void populate(std::span<std::byte> bytes, bool writable) noexcept {
#ifndef MADV_POPULATE_READ
  constexpr int MADV_POPULATE_READ = 22, MADV_POPULATE_WRITE = 23;
#endif
  if (::madvise(bytes.data(), bytes.size(), writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) !=
      0) {
    volatile std::byte sink{};
    for (std::size_t at = 0; at < bytes.size(); at += kPageBytes) {
      sink = bytes[at];
    }
    (void)sink;
  }
  warm(bytes);
}

}  // namespace

Segment Segment::create(const std::string& label, std::uint64_t bytes) {
  const std::uint64_t size = round_up(bytes, kPageBytes);
  UniqueFd fd(::memfd_create(label.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) {
    throw errno_error(ErrorCode::Open, "cannot create shared memory '" + label + "'");
  }
  if (const int failed = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(size)); failed != 0) {
    errno = failed;
    throw errno_error(ErrorCode::Open,
                      "cannot reserve " + std::to_string(size >> 20) +
                          " MiB of shared memory for '" + label +
                          "' (lower the depth of its stage)");
  }
  if (::fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) {
    throw errno_error(ErrorCode::Open, "cannot seal shared memory '" + label + "'");
  }
  return {std::move(fd), size};
}

Segment Segment::adopt(UniqueFd fd) {
  const int seals = ::fcntl(fd.get(), F_GET_SEALS);
  struct stat info {};
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || ::fstat(fd.get(), &info) != 0) {
    throw Error(ErrorCode::Open, "refused a shared memory descriptor that is not a sealed memfd");
  }
  return {std::move(fd), static_cast<std::uint64_t>(info.st_size)};
}

struct Mapping::Region {
  bip::mapped_region mapped;
};

Mapping::Mapping(const Segment& segment, Access access, Pages pages) {
  const bool writable = access == Access::ReadWrite;
  try {
    const MemfdMapping memory(segment.fd(), writable ? bip::read_write : bip::read_only);
    const auto bytes = static_cast<std::size_t>(segment.bytes());
    region_ = std::make_unique<Region>(
        Region{pages == Pages::Large && bytes >= kLargePageBytes
                   ? map_large(memory, bytes)
                   : bip::mapped_region(memory, memory.get_mode(), 0, bytes)});
  } catch (const bip::interprocess_exception& failed) {
    throw Error(ErrorCode::Open,
                "cannot map " + std::to_string(segment.bytes()) +
                    " bytes of shared memory: " + failed.what());
  }
  // A child that a plug-in forks must not inherit frames, and frames are personal data.
  (void)::madvise(region_->mapped.get_address(), region_->mapped.get_size(), MADV_DONTFORK);
  (void)::madvise(region_->mapped.get_address(), region_->mapped.get_size(), MADV_DONTDUMP);
  populate(bytes(), writable);
}

Mapping::Mapping(Mapping&&) noexcept = default;
Mapping& Mapping::operator=(Mapping&&) noexcept = default;
Mapping::~Mapping() = default;

std::span<std::byte> Mapping::bytes() const noexcept {
  return {static_cast<std::byte*>(region_->mapped.get_address()), region_->mapped.get_size()};
}

void Mapping::protect(std::uint64_t offset, std::uint64_t count) {
  if (count != 0 && ::mprotect(bytes().data() + offset, count, PROT_READ) != 0) {
    throw errno_error(ErrorCode::Internal, "cannot write-protect shared memory");
  }
}

}  // namespace avrig::shm
