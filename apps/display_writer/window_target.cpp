// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "window_target.hpp"

#include <avrig/error.hpp>
#include <avrig/media/formats.hpp>

#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <utility>

namespace avrig::display_writer {
namespace {

std::string module_path() {
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
  const std::filesystem::path root = self.parent_path().parent_path();
  for (const char* folder : {"lib/avrig", "lib/x86_64-linux-gnu/avrig", "lib64/avrig"}) {
    if (const auto path = root / folder / "window.so"; std::filesystem::exists(path)) {
      return path.string();
    }
  }
  throw Error(ErrorCode::Open,
              "no window: avrig was built without OpenCV's highgui (use 'to: png' or 'to: none')");
}

}  // namespace

bool WindowTarget::has_display() noexcept {
  const char* x11 = std::getenv("DISPLAY");
  const char* wayland = std::getenv("WAYLAND_DISPLAY");
  return (x11 != nullptr && *x11 != '\0') || (wayland != nullptr && *wayland != '\0');
}

WindowTarget::WindowTarget(std::string title, const avrig_format& format)
    : title_(std::move(title)),
      bgr_(media::video_format("bgr24", format.width, format.height)),
      layout_(media::FrameLayout::of(bgr_)),
      converter_(format, bgr_),
      picture_(layout_.total_bytes) {
  if (!has_display()) {
    throw Error(ErrorCode::Open,
                "no window: there is no display (DISPLAY is not set; use 'to: png' or 'to: none')");
  }
  void* module = ::dlopen(module_path().c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) {
    throw Error(ErrorCode::Open, std::string("no window: ") + ::dlerror());
  }
  using Open = int (*)(const char*, int, int);
  const auto open = reinterpret_cast<Open>(::dlsym(module, "avrig_window_open"));
  show_ = reinterpret_cast<Show>(::dlsym(module, "avrig_window_show"));
  if (open == nullptr || show_ == nullptr ||
      open(title_.c_str(), static_cast<int>(format.width), static_cast<int>(format.height)) != 0) {
    throw Error(ErrorCode::Open, "no window: the display refuses one ('xdpyinfo' says more)");
  }
}

void WindowTarget::show(const avrig_frame& frame) {
  avrig_frame target{};
  layout_.bind(target, picture_.data());
  converter_.convert({frame.plane, frame.planes}, {target.plane, target.planes});
  if (show_(title_.c_str(),
            static_cast<int>(bgr_.width),
            static_cast<int>(bgr_.height),
            target.plane[0].data,
            target.plane[0].stride_bytes) != 0) {
    throw Error(ErrorCode::Open, "the window is gone");
  }
}

}  // namespace avrig::display_writer
