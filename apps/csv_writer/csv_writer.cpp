// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "csv_writer.hpp"

#include <avrig/error.hpp>
#include <avrig/monotonic.hpp>

#include <charconv>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace avrig::csv_writer {

using nlohmann::json;

std::vector<stage::ParameterDescription> CsvWriter::parameters(const stage::Request&) {
  auto url =
      stage::parameter("url", "path", "", "the file to write; an existing one is never touched");
  url.required = true;
  return {url};
}

stage::Description CsvWriter::describe(const stage::Request& request) {
  url_ = json::parse(request.parameters).value("url", "");
  if (url_.empty()) {
    throw Error(ErrorCode::Spec, "'write: csv' needs 'with: {url: FILE}'");
  }
  stage::Description description;
  description.work = stage::Work::Looker;
  description.parameters = parameters(request);
  stage::InputPort port;
  port.name = "in";
  port.accepts.media = AVRIG_MEDIA_FEATURES;
  description.inputs.push_back(port);
  return description;
}

stage::Configured CsvWriter::configure(std::span<const avrig_format>,
                                       std::span<const stage::Wish>) {
  return {};
}

void CsvWriter::prepare(stage::StageIo& io) {
  if (io.assignment().generation > 0 && ::access(url_.c_str(), F_OK) == 0) {
    reopen(io.input(0).next(), io.input_format(0));
  } else {
    open_new(io.input_format(0));
  }
}

void CsvWriter::open_new(const avrig_format& format) {
  file_.reset(::open(url_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644));
  if (!file_) {
    throw errno_error(ErrorCode::Open,
                      "cannot create '" + url_ +
                          "' (an existing file is never overwritten; choose "
                          "another name or move it away)");
  }
  write_header(format);
}

void CsvWriter::write_header(const avrig_format& format) {
  std::string header = "sequence,time_ns";
  std::istringstream names(format.column_names);
  for (std::uint32_t column = 0; column < format.columns; ++column) {
    std::string name;
    std::getline(names, name, ',');
    header += "," + (name.empty() ? "column_" + std::to_string(column + 1) : name);
  }
  write_text(header + "\n");
}

// The file up to frame `done` is good: what lies behind it was not completed, perhaps not whole,
// and is written again.
void CsvWriter::reopen(std::uint64_t done, const avrig_format& format) {
  std::ifstream in(url_, std::ios::binary);
  std::string line;
  std::int64_t end = 0;
  while (std::getline(in, line) && !in.eof()) {
    std::uint64_t sequence = 0;
    const auto parsed = std::from_chars(line.data(), line.data() + line.size(), sequence);
    if (parsed.ec == std::errc() && sequence >= done) {
      break;
    }
    end += static_cast<std::int64_t>(line.size()) + 1;
  }
  if (::truncate(url_.c_str(), end) != 0) {
    throw errno_error(ErrorCode::Open, "cannot repair '" + url_ + "'");
  }
  file_.reset(::open(url_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!file_) {
    throw errno_error(ErrorCode::Open, "cannot open '" + url_ + "' again");
  }
  if (end == 0) {
    write_header(format);  // killed before it was there
  }
}

void CsvWriter::write_text(const std::string& text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const ssize_t wrote = ::write(file_.get(), text.data() + at, text.size() - at);
    if (wrote < 0 && errno != EINTR) {
      throw errno_error(ErrorCode::Open, "cannot write '" + url_ + "'");
    }
    at += wrote > 0 ? static_cast<std::size_t>(wrote) : 0;
  }
}

void CsvWriter::write_frame(const avrig_frame& frame, const avrig_format& format) {
  std::string text;
  const auto* base = static_cast<const std::byte*>(frame.plane[0].data);
  for (std::uint32_t row = 0; row < frame.samples && row < frame.plane[0].rows; ++row) {
    text += std::to_string(frame.sequence) + "," + std::to_string(frame.capture_ns);
    const auto* values =
        reinterpret_cast<const float*>(base + std::size_t{row} * frame.plane[0].stride_bytes);
    for (std::uint32_t column = 0; column < format.columns; ++column) {
      char number[32];
      const auto end = std::to_chars(std::begin(number), std::end(number), values[column]);
      text.push_back(',');
      text.append(number, end.ptr);
    }
    text.push_back('\n');
  }
  write_text(text);
}

void CsvWriter::run(stage::StageIo& io) {
  shm::RingFollower& input = io.input(0);
  // What a predecessor completed, but was killed before it let go, is nobody's to read again.
  input.release_all();
  const avrig_format& format = io.input_format(0);
  shm::Taken taken;
  while (!input.ended() && !io.abandoned()) {
    if (io.ordered()) {
      io.apply_orders();
    }
    const auto next = input.try_next(taken);
    if (next == shm::RingFollower::Next::Broken) {
      throw Error(ErrorCode::Internal, std::string("the input is damaged: ") + input.broken());
    }
    if (next == shm::RingFollower::Next::Nothing) {
      (void)io.wait(io.waiter(), [&] { return input.ready(); });
      continue;
    }
    const bool is_frame = taken.kind == shm::Kind::Frame;
    if (is_frame) {
      write_frame(stage::view(taken, format), format);
    }
    input.note_latency(taken, monotonic_ns());
    input.complete(taken);
    input.release_all();
    if (is_frame) {
      io.note_out(taken.descriptor.capture_ns);
    }
  }
}

}  // namespace avrig::csv_writer
