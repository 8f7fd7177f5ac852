// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "window_target.hpp"

#include <avrig/error.hpp>
#include <avrig/media/formats.hpp>
#include <avrig/unique_fd.hpp>

#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <sys/socket.h>
#include <sys/un.h>
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

/// Does a local X server answer on display `number`?
bool answers(int number) noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "/tmp/.X11-unix/X%d", number);
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return socket &&
         ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

bool WindowTarget::has_display() noexcept {
  const char* wayland = std::getenv("WAYLAND_DISPLAY");
  if (wayland != nullptr && *wayland != '\0') {
    return true;
  }
  const char* x11 = std::getenv("DISPLAY");
  if (x11 == nullptr || *x11 == '\0') {
    return false;
  }
  // The toolkit behind the window aborts the process where nobody answers: ask first.
  return *x11 != ':' || answers(std::atoi(x11 + 1));
}

WindowTarget::WindowTarget(std::string title, const avrig_format& format)
    : title_(std::move(title)),
      bgr_(media::video_format("bgr24", format.width, format.height)),
      layout_(media::FrameLayout::of(bgr_)),
      converter_(format, bgr_),
      picture_(layout_.total_bytes) {
  if (!has_display()) {
    throw Error(ErrorCode::Open,
                "no window: no display answers (is DISPLAY set, and its server running? Or use "
                "'to: png' or 'to: none')");
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

void WindowTarget::take(const avrig_frame& frame) {
  avrig_frame target{};
  layout_.bind(target, picture_.data());
  converter_.convert({frame.plane, frame.planes}, {target.plane, target.planes});
}

void WindowTarget::show() {
  avrig_frame target{};
  layout_.bind(target, picture_.data());
  if (show_(title_.c_str(),
            static_cast<int>(bgr_.width),
            static_cast<int>(bgr_.height),
            target.plane[0].data,
            target.plane[0].stride_bytes) != 0) {
    throw Error(ErrorCode::Open, "the window is gone");
  }
}

}  // namespace avrig::display_writer
