#pragma once
// Child processes of the command line: started from this very binary, read line by line, gone when their owner is.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/core/units.hpp"

namespace cli {

// The path of the running binary.
inline std::string own_path() {
    std::error_code ignored;
    return std::filesystem::read_symlink("/proc/self/exe", ignored).string();
}

class child_process {
  public:
    // Runs argv[0] with the rest as arguments; its standard output can be read, its standard error is ours.
    static dispart::result<child_process> start(std::vector<std::string> argv) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0)
            return dispart::fail(dispart::errc::io_error, argv[0], "cannot make a pipe");
        std::vector<char*> words;
        for (auto& word : argv) words.push_back(word.data());
        words.push_back(nullptr);
        const pid_t parent = ::getpid();
        const pid_t pid = ::fork();
        if (pid == 0) {  // only async-signal-safe calls from here to exec
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != parent) ::_exit(127);
            ::dup2(ends[1], STDOUT_FILENO);
            ::execv(words[0], words.data());
            ::_exit(127);
        }
        ::close(ends[1]);
        if (pid < 0) {
            ::close(ends[0]);
            return dispart::fail(dispart::errc::io_error, argv[0], "cannot start a process");
        }
        return child_process(pid, ends[0], std::move(argv[0]));
    }

    child_process(child_process&& other) noexcept
        : pid_(std::exchange(other.pid_, -1))
        , output_(std::exchange(other.output_, -1))
        , name_(std::move(other.name_))
        , pending_(std::move(other.pending_)) {}
    child_process& operator=(child_process&& other) noexcept {
        std::swap(pid_, other.pid_);
        std::swap(output_, other.output_);
        std::swap(name_, other.name_);
        std::swap(pending_, other.pending_);
        return *this;
    }
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;
    ~child_process() { stop(); }

    // The next line of its output, without the newline. Errors: timeout, peer_lost when it has ended.
    dispart::result<std::string> read_line(dispart::seconds limit) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(limit.value);
        while (true) {
            if (const auto end = pending_.find('\n'); end != std::string::npos) {
                auto line = pending_.substr(0, end);
                pending_.erase(0, end + 1);
                return line;
            }
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                until - std::chrono::steady_clock::now());
            pollfd waiting{output_, POLLIN, 0};
            if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) == 0)
                return dispart::fail(dispart::errc::timeout, name_, "said nothing in time");
            std::array<char, 65536> chunk{};
            const auto got = ::read(output_, chunk.data(), chunk.size());
            if (got <= 0)
                return dispart::fail(dispart::errc::peer_lost, name_, "ended before it had answered");
            pending_.append(chunk.data(), static_cast<std::size_t>(got));
        }
    }

    // Lets it end by itself for a moment, then ends it.
    void stop() {
        if (pid_ <= 0) return;
        ::close(std::exchange(output_, -1));
        ::kill(pid_, SIGTERM);
        for (int i = 0; i < 100 && ::waitpid(pid_, nullptr, WNOHANG) == 0; ++i) {
            if (i == 50) ::kill(pid_, SIGKILL);
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        pid_ = -1;
    }

  private:
    child_process(pid_t pid, int output, std::string name)
        : pid_(pid)
        , output_(output)
        , name_(std::move(name)) {}

    pid_t pid_ = -1;
    int output_ = -1;
    std::string name_;
    std::string pending_;
};

}  // namespace cli
