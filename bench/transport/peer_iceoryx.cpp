// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
//
// iceoryx 2: untyped publisher and subscriber, lossless; a WaitSet (--wait block) or polling
// (--wait spin). Needs a running iox-roudi (bench/run.py starts one).
#include "harness.hpp"
#include <avrig/shm/bell.hpp>

#include <iceoryx_hoofs/log/logmanager.hpp>
#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/popo/wait_set.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>
#include <stdexcept>

using namespace avrig::bench;

namespace {

namespace popo = iox::popo;

const iox::capro::ServiceDescription& service() {
  static const iox::capro::ServiceDescription description{"avrig", "bench", "frames"};
  return description;
}

iox::RuntimeName_t runtime_name(const char* part, pid_t run) {
  return {iox::cxx::TruncateToCapacity,
          std::string("avrig-bench-") + part + "-" + std::to_string(run)};
}

popo::PublisherOptions publisher_options() {
  popo::PublisherOptions options;
  options.historyCapacity = 0;
  options.subscriberTooSlowPolicy = popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
  return options;
}

popo::SubscriberOptions subscriber_options(const Options& from) {
  popo::SubscriberOptions options;
  options.queueCapacity = from.queue;
  options.historyRequest = 0;
  options.queueFullPolicy = popo::QueueFullPolicy::BLOCK_PRODUCER;
  return options;
}

class Publisher {
 public:
  explicit Publisher(const Options& options)
      : size_(static_cast<std::uint32_t>(options.size)),
        publisher_(service(), publisher_options()) {
    while (!publisher_.hasSubscribers()) {
      sleep_until_ns(avrig::monotonic_ns() + 1'000'000);
    }
  }
  std::byte* begin() {
    for (;;) {
      chunk_ = nullptr;
      publisher_.loan(size_, 64).and_then([&](void* chunk) { chunk_ = chunk; });
      if (chunk_ != nullptr) {
        return static_cast<std::byte*>(chunk_);
      }
      ::sched_yield();
    }
  }
  void publish() { publisher_.publish(chunk_); }
  void close() {}
  [[nodiscard]] static std::uint64_t sleeps() noexcept { return 0; }

 private:
  std::uint32_t size_;
  popo::UntypedPublisher publisher_;
  void* chunk_ = nullptr;
};

class Subscriber {
 public:
  explicit Subscriber(const Options& options)
      : subscriber_(service(), subscriber_options(options)), polls_(options.wait == "spin") {
    if (!polls_) {
      waits_.attachState(subscriber_, popo::SubscriberState::HAS_DATA).or_else([](auto) {
        throw std::runtime_error("iceoryx: cannot attach to a WaitSet");
      });
    }
    while (subscriber_.getSubscriptionState() != iox::SubscribeState::SUBSCRIBED) {
      sleep_until_ns(avrig::monotonic_ns() + 1'000'000);
    }
  }
  const std::byte* wait() {
    for (;;) {
      chunk_ = nullptr;
      subscriber_.take().and_then([&](const void* chunk) { chunk_ = chunk; });
      if (chunk_ != nullptr) {
        return static_cast<const std::byte*>(chunk_);
      }
      if (polls_) {
        avrig::shm::relax_cpu();
      } else {
        (void)waits_.wait();
      }
    }
  }
  void release() { subscriber_.release(chunk_); }
  [[nodiscard]] static std::uint64_t sleeps() noexcept { return 0; }

 private:
  popo::UntypedSubscriber subscriber_;
  popo::WaitSet<> waits_;
  bool polls_;
  const void* chunk_ = nullptr;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const pid_t run = ::getpid();
  iox::log::LogManager::GetLogManager().SetDefaultLogLevel(iox::log::LogLevel::kWarn,
                                                           iox::log::LogLevelOutput::kHideLogLevel);
  return run_pair(
      options,
      *make_board(),
      1,
      [&] {
        iox::runtime::PoshRuntime::initRuntime(runtime_name("sender", run));
        return std::make_unique<Publisher>(options);
      },
      [&] {
        iox::runtime::PoshRuntime::initRuntime(runtime_name("receiver", run));
        return std::make_unique<Subscriber>(options);
      });
}
