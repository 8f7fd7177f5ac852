// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "muxer_target.hpp"

#include <avrig/error.hpp>
#include <avrig/media/handles.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <unistd.h>
#include <utility>

extern "C" {
#include <libavformat/avio.h>
#include <libavutil/error.h>
#include <libavutil/mem.h>
}

namespace avrig::media {
namespace {

constexpr int kIoBytes = 1 << 16;

UniqueFd create(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (fd) {
    return fd;
  }
  const std::string what = "cannot write '" + path + "'";
  switch (errno) {
    case EEXIST:
      throw Error(ErrorCode::Open,
                  what +
                      ": it exists already and is never overwritten; name "
                      "another file, or move that one away");
    case ENOENT:
      throw Error(ErrorCode::Open, what + ": its folder does not exist");
    default:
      throw errno_error(ErrorCode::Open, what);
  }
}

}  // namespace

MuxerTarget::MuxerTarget(const std::string& path) : is_url_(path.find("://") != std::string::npos) {
  if (is_url_) {
    const int result = avio_open2(&io_, path.c_str(), AVIO_FLAG_WRITE, nullptr, nullptr);
    if (result < 0) {
      throw Error(ErrorCode::Open, "cannot write '" + path + "': " + error_text(result));
    }
    return;
  }
  fd_ = create(path);
  auto* buffer = static_cast<std::uint8_t*>(av_malloc(kIoBytes));
  io_ = buffer == nullptr
            ? nullptr
            : avio_alloc_context(
                  buffer, kIoBytes, 1, this, nullptr, &MuxerTarget::write, &MuxerTarget::seek);
  if (io_ == nullptr) {
    av_free(buffer);
    throw std::bad_alloc();
  }
}

MuxerTarget::~MuxerTarget() {
  if (is_url_) {
    avio_closep(&io_);
  } else if (io_ != nullptr) {
    av_freep(&io_->buffer);
    avio_context_free(&io_);
  }
}

bool MuxerTarget::watch_first_write(FirstWrite seen) {
  if (is_url_) {
    return false;
  }
  first_write_ = std::move(seen);
  io_->direct = 1;  // no buffer in between
  return true;
}

void MuxerTarget::unwatch() noexcept {
  first_write_ = nullptr;
  if (!is_url_) {
    io_->direct = 0;
  }
}

int MuxerTarget::write(void* opaque, std::uint8_t* data, int size) noexcept {
  auto& self = *static_cast<MuxerTarget*>(opaque);
  if (self.error_ != 0) {
    return AVERROR(self.error_);
  }
  if (self.first_write_) {
    std::exchange(self.first_write_, nullptr)({data, static_cast<std::size_t>(size)});
  }
  try {
    const bool follows = !self.pending_.empty() &&
                         self.pending_.back().offset +
                                 static_cast<std::int64_t>(self.pending_.back().bytes.size()) ==
                             self.position_;
    if (!follows) {
      self.pending_.push_back({self.position_, {}});
    }
    auto& bytes = self.pending_.back().bytes;
    bytes.insert(bytes.end(), data, data + size);
  } catch (const std::bad_alloc&) {
    return AVERROR(ENOMEM);
  }
  self.position_ += size;
  self.size_ = std::max(self.size_, self.position_);
  return size;
}

std::int64_t MuxerTarget::seek(void* opaque, std::int64_t offset, int whence) noexcept {
  auto& self = *static_cast<MuxerTarget*>(opaque);
  switch (whence & ~AVSEEK_FORCE) {
    case AVSEEK_SIZE:
      return self.size_;
    case SEEK_SET:
      self.position_ = offset;
      return offset;
    case SEEK_CUR:
      return self.position_ += offset;
    case SEEK_END:
      return self.position_ = self.size_ + offset;
    default:
      return AVERROR(EINVAL);
  }
}

bool MuxerTarget::write_out(const Stretch& stretch) noexcept {
  const std::uint8_t* data = stretch.bytes.data();
  std::size_t left = stretch.bytes.size();
  std::int64_t at = stretch.offset;
  while (left > 0) {
    const ssize_t done = ::pwrite(fd_.get(), data, left, at);
    if (done < 0 && errno == EINTR) {
      continue;
    }
    if (done <= 0) {
      error_ = done < 0 ? errno : EIO;
      return false;
    }
    data += done;
    left -= static_cast<std::size_t>(done);
    at += done;
  }
  return true;
}

bool MuxerTarget::commit() noexcept {
  avio_flush(io_);
  if (is_url_) {
    error_ = io_->error < 0 ? AVUNERROR(io_->error) : 0;
    committed_ = static_cast<std::uint64_t>(std::max<std::int64_t>(avio_tell(io_), 0));
    return error_ == 0;
  }
  for (const Stretch& stretch : pending_) {
    if (error_ != 0 || !write_out(stretch)) {
      // What is half there would be taken for the beginning of a packet.
      [[maybe_unused]] const int ignored = ::ftruncate(fd_.get(), static_cast<off_t>(committed_));
      pending_.clear();
      return false;
    }
  }
  // One vector keeps its memory: packets come at a steady size.
  if (pending_.size() == 1) {
    pending_.front().bytes.clear();
    pending_.front().offset = position_;
  } else {
    pending_.clear();
  }
  committed_ = static_cast<std::uint64_t>(size_);
  return error_ == 0;
}

bool MuxerTarget::close() noexcept {
  const bool good = commit();
  if (!is_url_ && fd_ && ::close(fd_.release()) != 0 && error_ == 0) {
    error_ = errno;  // NFS and quotas tell only here
  }
  return good && error_ == 0;
}

}  // namespace avrig::media
