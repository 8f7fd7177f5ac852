// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
//
// GStreamer: appsrc ! shmsink -> shmsrc ! appsink, frames written into buffers from shmsink's own
// allocator, so that it copies nothing either.
#include "harness.hpp"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <stdexcept>

using namespace avrig::bench;

namespace {

std::string socket_path(pid_t run) {
  return "/tmp/avrig-bench-" + std::to_string(run) + ".gst";
}

GstElement* launch(const std::string& description) {
  GError* error = nullptr;
  GstElement* pipeline = ::gst_parse_launch(description.c_str(), &error);
  if (error != nullptr) {
    throw std::runtime_error("GStreamer: " + std::string(error->message) +
                             " (gstreamer1.0-plugins-bad has shmsink)");
  }
  return pipeline;
}

void sleep_ms(std::int64_t ms) {
  sleep_until_ns(avrig::monotonic_ns() + ms * 1'000'000);
}

class ShmSink {
 public:
  ShmSink(pid_t run, const Options& options) : size_(options.size) {
    ::gst_init(nullptr, nullptr);
    pipeline_ = launch(
        "appsrc name=source block=true max-buffers=2 max-bytes=0 format=time ! shmsink "
        "socket-path=" +
        socket_path(run) + " wait-for-connection=true sync=false async=false shm-size=" +
        std::to_string((size_ + 65536) * (options.queue + 1)));
    source_ = ::gst_bin_get_by_name(GST_BIN(pipeline_), "source");
    GstCaps* caps = ::gst_caps_new_empty_simple("application/x-raw");
    ::gst_app_src_set_caps(GST_APP_SRC(source_), caps);
    ::gst_element_set_state(pipeline_, GST_STATE_PLAYING);
    sleep_ms(200);
    GstPad* pad = ::gst_element_get_static_pad(source_, "src");
    GstQuery* query = ::gst_query_new_allocation(caps, FALSE);
    if (::gst_pad_peer_query(pad, query) && ::gst_query_get_n_allocation_params(query) > 0) {
      ::gst_query_parse_nth_allocation_param(query, 0, &allocator_, nullptr);
    }
    if (allocator_ == nullptr) {
      throw std::runtime_error("GStreamer: shmsink offers no allocator");
    }
  }
  // Else its shared memory keeps its name.
  ~ShmSink() { ::gst_element_set_state(pipeline_, GST_STATE_NULL); }
  ShmSink(const ShmSink&) = delete;
  ShmSink& operator=(const ShmSink&) = delete;
  std::byte* begin() {
    while ((buffer_ = ::gst_buffer_new_allocate(allocator_, size_, nullptr)) == nullptr) {
      sleep_until_ns(avrig::monotonic_ns() + 100'000);
    }
    ::gst_buffer_map(buffer_, &map_, GST_MAP_WRITE);
    return reinterpret_cast<std::byte*>(map_.data);
  }
  void publish() {
    ::gst_buffer_unmap(buffer_, &map_);
    ::gst_app_src_push_buffer(GST_APP_SRC(source_), buffer_);
  }
  // Its memory must stay until the receiver has read the last frame.
  void close() { sleep_ms(100); }
  [[nodiscard]] static std::uint64_t sleeps() noexcept { return 0; }

 private:
  std::size_t size_;
  GstElement* pipeline_ = nullptr;
  GstElement* source_ = nullptr;
  GstAllocator* allocator_ = nullptr;
  GstBuffer* buffer_ = nullptr;
  GstMapInfo map_{};
};

class ShmSource {
 public:
  explicit ShmSource(pid_t run) {
    ::gst_init(nullptr, nullptr);
    while (::access(socket_path(run).c_str(), F_OK) != 0) {
      sleep_ms(1);
    }
    sleep_ms(20);
    GstElement* pipeline = launch("shmsrc is-live=true socket-path=" + socket_path(run) +
                                  " ! appsink name=sink sync=false max-buffers=2 drop=false");
    sink_ = ::gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    ::gst_element_set_state(pipeline, GST_STATE_PLAYING);
    sleep_ms(250);
  }
  const std::byte* wait() {
    sample_ = ::gst_app_sink_pull_sample(GST_APP_SINK(sink_));
    if (sample_ == nullptr) {
      throw std::runtime_error("GStreamer: the stream ended early");
    }
    ::gst_buffer_map(::gst_sample_get_buffer(sample_), &map_, GST_MAP_READ);
    return reinterpret_cast<const std::byte*>(map_.data);
  }
  void release() {
    ::gst_buffer_unmap(::gst_sample_get_buffer(sample_), &map_);
    ::gst_sample_unref(sample_);
  }
  [[nodiscard]] static std::uint64_t sleeps() noexcept { return 0; }

 private:
  GstElement* sink_ = nullptr;
  GstSample* sample_ = nullptr;
  GstMapInfo map_{};
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const pid_t run = ::getpid();
  const int result = run_pair(
      options,
      *make_board(),
      1,
      [&] { return std::make_unique<ShmSink>(run, options); },
      [&] { return std::make_unique<ShmSource>(run); });
  ::unlink(socket_path(run).c_str());
  return result;
}
