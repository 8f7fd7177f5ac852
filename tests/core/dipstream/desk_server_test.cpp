// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "../../support/patience.hpp"
#include "desk_rig.hpp"
#include <avrig/dipstream/desk_server.hpp>
#include <avrig/dipstream/null_device.hpp>
#include <avrig/error.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <random>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

using namespace avrig;
using namespace avrig::dipstream;
using namespace avrig::dipstream::test;

namespace {

constexpr std::int64_t kLongNs = avrig::test::kPatienceNs;

/// A client that speaks bytes.
class Peer {
 public:
  explicit Peer(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  /// Over TCP on loopback.
  explicit Peer(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  /// False when the other side has closed.
  bool send(const std::string& text) {
    std::size_t sent = 0;
    while (sent < text.size()) {
      const ssize_t count = ::send(fd_.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) {
        return false;
      }
      sent += static_cast<std::size_t>(count);
    }
    return true;
  }
  /// Send without waiting for room.
  bool push(const std::string& text) {
    return ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0 ||
           errno == EAGAIN;
  }
  /// The next line; empty when the other side has closed.
  std::string line() {
    const std::int64_t deadline_ns = monotonic_ns() + kLongNs;
    for (;;) {
      const std::size_t end = pending_.find('\n');
      if (end != std::string::npos) {
        const std::string text = pending_.substr(0, end);
        pending_.erase(0, end + 1);
        return text;
      }
      pollfd entry{fd_.get(), POLLIN, 0};
      REQUIRE(monotonic_ns() < deadline_ns);
      char bytes[4096];
      ssize_t count = -1;
      if (::poll(&entry, 1, 1000) == 1) {
        count = ::read(fd_.get(), bytes, sizeof bytes);
        if (count <= 0) {
          return "";
        }
        pending_.append(bytes, static_cast<std::size_t>(count));
      }
    }
  }
  json ask(const json& request) {
    REQUIRE(send(request.dump() + "\n"));
    for (;;) {
      const json answer = json::parse(line(), nullptr, false);
      REQUIRE(answer.is_object());
      if (answer.contains("ok")) {
        return answer;
      }
    }
  }

 private:
  UniqueFd fd_;
  std::string pending_;
};

/// A folder of its own that is gone afterwards, when what was in it is.
struct Folder {
  Folder() {
    char pattern[] = "/tmp/avrig-dip-XXXXXX";
    REQUIRE(::mkdtemp(pattern) != nullptr);
    path = pattern;
  }
  ~Folder() { (void)::rmdir(path.c_str()); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string path;
};

/// A mixer on no device, behind a socket in a folder of its own.
struct Site {
  Site()
      : host(outputs(2), 0),
        desk(host, 48000),
        device(host, 2, 48000, 64),
        server(desk, folder.path + "/s.mix", std::uint16_t{0}) {}

  [[nodiscard]] const std::string& path() const { return server.path(); }
  [[nodiscard]] Peer peer(bool tcp) { return tcp ? Peer(server.tcp_port()) : Peer(path()); }
  /// The stream runs on: another client is served, and samples go by.
  void check_alive() {
    Peer peer(path());
    const std::int64_t deadline_ns = monotonic_ns() + kLongNs;
    json now = peer.ask({{"do", "now"}, {"id", 1}});
    while (!now.contains("rendered")) {  // the device has not begun to run
      REQUIRE(monotonic_ns() < deadline_ns);
      now = peer.ask({{"do", "now"}, {"id", 1}});
    }
    const auto first = now.at("rendered").get<std::int64_t>();
    while (host.engine().position() <= first) {
      REQUIRE(monotonic_ns() < deadline_ns);
      std::this_thread::yield();
    }
  }

  Folder folder;  // first, so that it goes last
  MixerHost host;
  Desk desk;
  NullDevice device;
  DeskServer server;
};

}  // namespace

TEST_SUITE("core/dipstream desk_server") {
  TEST_CASE("the socket is its user's alone, and goes with the server") {
    std::string path;
    {
      Site site;
      path = site.path();
      struct stat status {};
      REQUIRE(::stat(path.c_str(), &status) == 0);
      CHECK((status.st_mode & 0777) == 0600);
      site.check_alive();
    }
    CHECK(::access(path.c_str(), F_OK) != 0);
  }

  TEST_CASE("a successor listens at its predecessor's port, and serves who connected in between") {
    const Folder folder;
    const std::string path = folder.path + "/s.mix";
    MixerHost host(outputs(2), 0);
    Desk desk(host, 48000);
    NullDevice device(host, 2, 48000, 64);
    const auto copy = [](int fd) {
      return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    };
    DeskServer::Sockets kept;
    std::uint16_t port = 0;
    {
      const DeskServer first(desk, path, std::uint16_t{0});
      port = first.tcp_port();
      kept.tcp = copy(first.listening_tcp());
    }
    Peer early(port);
    const json question = {{"do", "now"}, {"id", 7}};
    REQUIRE(early.send(question.dump() + "\n"));
    SUBCASE("any port was asked for") {
      const DeskServer second(desk, path, std::uint16_t{0}, std::move(kept));
      CHECK(second.tcp_port() == port);
      CHECK(json::parse(early.line()).at("id") == 7);
    }
    SUBCASE("this one was") {
      const DeskServer second(desk, path, port, std::move(kept));
      CHECK(second.tcp_port() == port);
      CHECK(json::parse(early.line()).at("id") == 7);
    }
    SUBCASE("what was kept is no such socket") {
      kept.tcp = copy(STDIN_FILENO);
      const DeskServer second(desk, path, std::uint16_t{0}, std::move(kept));
      CHECK(second.tcp_port() != 0);
      Peer late(second.tcp_port());
      CHECK(late.ask(question).at("id") == 7);
    }
  }

  TEST_CASE("a megabyte without a newline is answered with an error, and cut off") {
    Site site;
    for (const bool tcp : {false, true}) {
      Peer peer = site.peer(tcp);
      (void)peer.send(std::string(1'100'000, '['));
      const json answer = json::parse(peer.line(), nullptr, false);
      CHECK(answer.value("ok", true) == false);
      CHECK(peer.line().empty());
      site.check_alive();
    }
  }

  TEST_CASE("a client that never reads is cut off; the others do not notice") {
    Site site;
    for (const bool tcp : {false, true}) {
      Peer deaf = site.peer(tcp);
      // Its id comes back with each reply, so that there is soon too much that nobody reads.
      const std::string request =
          json{{"do", "buses"}, {"id", std::string(8000, 'i')}}.dump() + "\n";
      const std::int64_t deadline_ns = monotonic_ns() + kLongNs;
      while (deaf.push(request)) {
        REQUIRE(monotonic_ns() < deadline_ns);
      }
      site.check_alive();
    }
  }

  TEST_CASE("a client that dies in mid-command leaves nothing behind") {
    Site site;
    for (const bool tcp : {false, true}) {
      Peer peer = site.peer(tcp);
      CHECK(peer.ask({{"do", "add"},
                      {"data", base64(std::vector<float>(480, 0.1F))},
                      {"name", tcp ? "y" : "x"},
                      {"id", 1}})
                .at("ok") == true);
      CHECK(peer.ask({{"do", "start"}, {"voice", tcp ? "y" : "x"}, {"loop", true}, {"id", 2}})
                .at("ok") == true);
      (void)peer.send("{\"do\":\"start\",\"voice\":");
    }
    site.check_alive();
    const std::int64_t deadline_ns = monotonic_ns() + kLongNs;
    std::size_t voices = 1;
    while (voices > 0 && monotonic_ns() < deadline_ns) {
      site.server.with([&](Desk& desk) { voices = desk.voices(); });
    }
    CHECK(voices == 0);
  }

  TEST_CASE("samples come behind their line as bytes, over TCP as over the socket") {
    Site site;
    for (const bool tcp : {false, true}) {
      Peer peer = site.peer(tcp);
      const std::vector<float> samples(3000, 0.25F);
      const auto as_text = [](const auto& values) {
        return std::string(reinterpret_cast<const char*>(values.data()),
                           values.size() * sizeof values[0]);
      };
      const auto send = [&](json request, const std::string& bytes) {
        request["bytes"] = bytes.size();
        REQUIRE(peer.send(request.dump() + "\n" + bytes));
        return json::parse(peer.line(), nullptr, false);
      };
      const std::string all = as_text(samples);
      const json added = send({{"do", "add"}, {"name", tcp ? "t" : "u"}, {"id", 1}}, all);
      CHECK(added.at("ok") == true);
      CHECK(added.at("length") == 3000);
      CHECK(send({{"do", "add"}, {"data_channels", 2}, {"id", 2}}, all).at("length") == 1500);
      const std::string bad = as_text(std::vector<float>{0.0F, NAN});
      CHECK(send({{"do", "add"}, {"id", 3}}, bad).at("error").get<std::string>().find("NaN") !=
            std::string::npos);
      CHECK(send({{"do", "add"}, {"id", 4}}, "abc").at("ok") == false);
      // What came with a refused request is nobody's: the next one gets its own.
      CHECK(send({{"do", "add"}, {"channels", {9}}, {"id", 5}}, all).at("ok") == false);
      CHECK(send({{"do", "add"}, {"id", 6}}, as_text(std::vector<float>(7))).at("length") == 7);
      CHECK(send({{"do", "now"}, {"id", 7}}, all).at("ok") == false);
      CHECK(
          peer.ask({{"do", "open_stream"}, {"format", "s16"}, {"name", tcp ? "v" : "w"}, {"id", 8}})
              .at("ok") == true);
      const std::string chunk(4 * 100 + 1, '\0');
      CHECK(send({{"do", "feed"}, {"voice", tcp ? "v" : "w"}, {"id", 9}}, chunk).at("taken") ==
            401);
    }
    site.check_alive();
  }

  TEST_CASE("bytes that cannot be: cut off, or dropped with who sent them") {
    Site site;
    for (const char* bytes : {"0", "-1", "1e3", "\"many\"", "9999999999999", "null"}) {
      Peer peer = site.peer(true);
      REQUIRE(peer.send("{\"do\":\"add\",\"bytes\":" + std::string(bytes) + "}\n"));
      CHECK(json::parse(peer.line(), nullptr, false).value("ok", true) == false);
      CHECK(peer.line().empty());
    }
    {
      Peer peer = site.peer(true);
      (void)peer.send("{\"do\":\"add\",\"bytes\":100000000}\nonly so much");
    }
    site.check_alive();
  }

  TEST_CASE("wrong calls over TCP are error replies; what is no request at all is cut off") {
    Site site;
    {
      Peer browser = site.peer(true);
      (void)browser.send("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n{\"do\":\"clear_sources\"}\n");
      CHECK(json::parse(browser.line(), nullptr, false).value("ok", true) == false);
      CHECK(browser.line().empty());
    }
    Peer peer = site.peer(true);
    CHECK(peer.ask({{"do", "info"}, {"id", 0}}).at("ok") == true);
    CHECK(peer.ask({{"do", "add"},
                    {"data", base64(std::vector<float>(480, 0.1F))},
                    {"name", "a"},
                    {"id", 1}})
              .at("ok") == true);
    CHECK(peer.ask({{"do", "add"},
                    {"data", base64(std::vector<float>(480, 0.1F))},
                    {"name", "b"},
                    {"id", 2}})
              .at("ok") == true);
    CHECK(peer.ask({{"do", "start"}, {"voice", "a"}, {"with_start", "b"}}).at("ok") == true);
    const json wrong[] = {
        {{"do", "start"}, {"voice", "b"}, {"with_start", "a"}},  // each would wait for the other
        {{"do", "start"}, {"voice", "nobody"}},
        {{"do", "start"}, {"voice", "a"}, {"with_start", "a"}},
        {{"do", "start"}, {"voice", "a"}, {"starting_idx", 480}},
        {{"do", "add"}, {"data", base64(std::vector<float>{INFINITY})}},
        {{"do", "add"}, {"data", base64(std::vector<float>(3))}, {"data_channels", 2}},
        {{"do", "add"}, {"memfd", true}},
        {{"do", "dance"}},
        json::array({1}),
    };
    for (json request : wrong) {
      INFO(request.dump());
      CHECK(peer.ask(request).at("ok") == false);
    }
    site.check_alive();
  }

  TEST_CASE("TCP is loopback alone") {
    CHECK(parse_tcp("4000") == 4000);
    CHECK(parse_tcp("127.0.0.1:4000") == 4000);
    CHECK(parse_tcp("localhost:0") == 0);
    for (const char* text : {"0.0.0.0:4000",
                             "192.168.0.2:4000",
                             "[::]:4000",
                             ":4000",
                             "65536",
                             "-1",
                             "",
                             "x",
                             "4000x"}) {
      INFO(text);
      CHECK_THROWS_AS((void)parse_tcp(text), Error);
    }
  }

  TEST_CASE("noise on the line is answered, whatever it is") {
    Site site;
    std::mt19937 random(7);
    Peer peer(site.path());
    for (int turn = 0; turn < 300; ++turn) {
      std::string line = turn % 2 == 0 ? "{\"do\":\"start\",\"voice\":1,\"at\":" : "";
      for (auto left = random() % 60; left > 0; --left) {
        line += static_cast<char>(random() % 255 + 1);
      }
      std::replace(line.begin(), line.end(), '\n', ' ');
      std::replace(line.begin(), line.end(), '\r', ' ');
      if (line.empty()) {
        continue;
      }
      REQUIRE(peer.send(line + "\n"));
      const json answer = json::parse(peer.line(), nullptr, false);
      CHECK(answer.value("ok", true) == false);
    }
    site.check_alive();
  }

  TEST_CASE("eight experiments at once: every request is answered, and all is silent after them") {
    Site site;
    const auto storm = [&](unsigned seed) {
      Peer peer(site.path());
      std::mt19937 random(seed);
      const std::string data = base64(std::vector<float>(97, 0.01F));
      for (int turn = 0; turn < 60; ++turn) {
        const std::string name = std::to_string(seed) + "-" + std::to_string(random() % 4);
        const json requests[] = {
            {{"do", "add"}, {"data", data}, {"name", name}, {"id", turn}},
            {{"do", "start"}, {"voice", name}, {"loop", random() % 2 == 0}, {"id", turn}},
            {{"do", "stop"}, {"voice", name}, {"id", turn}},
            {{"do", "remove"}, {"voice", name}, {"force", true}, {"id", turn}},
            {{"do", "set"}, {"voice", name}, {"gain_db", -6}, {"id", turn}},
        };
        (void)peer.ask(requests[random() % 5]);
      }
    };
    std::vector<std::thread> threads;
    for (unsigned seed = 1; seed <= 8; ++seed) {
      threads.emplace_back(storm, seed);
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    site.check_alive();
    const std::int64_t deadline_ns = monotonic_ns() + kLongNs;
    std::size_t voices = 1;
    while (voices > 0 && monotonic_ns() < deadline_ns) {
      site.server.with([&](Desk& desk) { voices = desk.voices(); });
    }
    CHECK(voices == 0);
  }
}
