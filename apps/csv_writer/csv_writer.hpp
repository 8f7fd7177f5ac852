// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/stage/stage.hpp>
#include <avrig/unique_fd.hpp>

#include <string>

namespace avrig::csv_writer {

/// `write: csv`: a feature stream as a table: sequence, time_ns, then its columns.
///
/// Each frame's rows reach the kernel before the frame is completed. Killed, its successor cuts off
/// what belongs to frames that were not, and writes them again.
class CsvWriter final : public stage::Stage {
 public:
  std::vector<stage::ParameterDescription> parameters(const stage::Request& request) override;
  stage::Description describe(const stage::Request& request) override;
  stage::Configured configure(std::span<const avrig_format> inputs,
                              std::span<const stage::Wish> wishes) override;
  void prepare(stage::StageIo& io) override;
  void run(stage::StageIo& io) override;

 private:
  void open_new(const avrig_format& format);
  void write_header(const avrig_format& format);
  void reopen(std::uint64_t done, const avrig_format& format);
  void write_frame(const avrig_frame& frame, const avrig_format& format);
  void write_text(const std::string& text);

  std::string url_;
  UniqueFd file_;
};

}  // namespace avrig::csv_writer
