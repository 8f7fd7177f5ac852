// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
/// A writer: the level of each block with its capture time, as CSV. `write: ./build/levels.so`
#include <avrig/plugin.hpp>

#include <cerrno>
#include <cstdio>
#include <memory>

using namespace avrig::plugin;

class Levels {
 public:
  static constexpr const char* kName = "levels";
  static constexpr const char* kSummary = "the level of each block, as CSV";
  static constexpr Parameter kParameters[] = {
      {.name = "path", .type = "path", .doc = "a new file", .flags = kRequired}};

  Levels(Host host, const Params& params) : host_(host), path_(params.get<std::string>("path")) {}

  // Begin of a stream. `x`: a writer never overwrites.
  void start() {
    file_.reset(std::fopen(path_.c_str(), "wx"));
    if (!file_)
      throw std::runtime_error("cannot make " + path_ + ": " + std::strerror(errno));
    std::fputs("capture_ns,sigma_ns,quality,peak\n", file_.get());
  }

  Status write(AudioIn in) noexcept {
    float peak = 0.0F;
    for (std::uint32_t c = 0; c < in.channels(); ++c) {
      for (const float x : in.channel(c))
        peak = std::max(peak, std::abs(x));
    }
    const int wrote = std::fprintf(file_.get(),
                                   "%lld,%lld,%u,%.6f\n",
                                   static_cast<long long>(in.capture_ns()),
                                   static_cast<long long>(in.sigma_ns()),
                                   in.quality(),
                                   static_cast<double>(peak));
    return wrote < 0 ? host_.fail("cannot write (is the disk full?)") : Status::Ok;
  }

  // End of the stream: what cannot be written now is said, not lost.
  void stop() {
    if (std::fclose(file_.release()) != 0)
      throw std::runtime_error("cannot close " + path_);
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  Host host_;
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
};

AVRIG_PLUGIN(Levels)
