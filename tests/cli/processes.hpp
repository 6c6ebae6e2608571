#pragma once
// The command line as other processes see it: workers that are ended with their object, and runs of which one reads the JSON.
#include <doctest/doctest.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace dispart::test {

[[nodiscard]] inline std::string cli_binary() {
    const char* path = std::getenv("DISPART_CLI");
    REQUIRE_MESSAGE(path != nullptr, "DISPART_CLI names the command line; ctest sets it");
    return path;
}

/// A process of the command line, gone with this object.
class cli_process {
  public:
    explicit cli_process(std::vector<std::string> arguments) {
        std::array<int, 2> ends{};
        REQUIRE(::pipe(ends.data()) == 0);
        arguments.insert(arguments.begin(), cli_binary());
        std::vector<char*> words;
        for (auto& each : arguments) words.push_back(each.data());
        words.push_back(nullptr);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(ends[1], STDOUT_FILENO);
            ::close(ends[0]);
            ::close(ends[1]);
            ::execv(words[0], words.data());
            ::_exit(127);
        }
        ::close(ends[1]);
        output_ = ::fdopen(ends[0], "r");
    }
    cli_process(const cli_process&) = delete;
    cli_process& operator=(const cli_process&) = delete;
    ~cli_process() {
        kill();
        std::fclose(output_);
    }
    void send(int signal) const {
        if (pid_ > 0) ::kill(pid_, signal);
    }
    [[nodiscard]] pid_t pid() const { return pid_; }
    /// Processes that it has started and that have not ended.
    [[nodiscard]] std::size_t children() const {
        std::ifstream told("/proc/" + std::to_string(pid_) + "/task/" + std::to_string(pid_) + "/children");
        std::size_t count = 0;
        for (pid_t each = 0; told >> each;) ++count;
        return count;
    }
    void kill() {
        send(SIGKILL);
        wait();
    }
    int wait() {
        int status = 0;
        if (pid_ > 0) ::waitpid(std::exchange(pid_, -1), &status, 0);
        return status;
    }
    [[nodiscard]] std::string line() {
        std::array<char, 400> text{};
        REQUIRE(std::fgets(text.data(), text.size(), output_) != nullptr);
        std::string made = text.data();
        made.pop_back();
        return made;
    }
    /// All that it says until it ends.
    [[nodiscard]] std::string rest() {
        std::string text;
        std::array<char, 4096> chunk{};
        for (std::size_t n = 0; (n = std::fread(chunk.data(), 1, chunk.size(), output_)) > 0;)
            text.append(chunk.data(), n);
        return text;
    }

  private:
    pid_t pid_ = -1;
    std::FILE* output_ = nullptr;
};

/// `dispart worker`.
class worker_process : public cli_process {
  public:
    explicit worker_process(const std::string& listen = "127.0.0.1:0", std::vector<std::string> more = {})
        : cli_process(with(listen, std::move(more)))
        , address_(line().substr(10)) {}
    [[nodiscard]] const std::string& address() const { return address_; }

  private:
    static std::vector<std::string> with(const std::string& listen, std::vector<std::string> more) {
        more.insert(more.begin(), {"worker", "--quiet", "--listen", listen});
        return more;
    }
    std::string address_;
};

/// Runs a command with --json. \return what it said, which it did well
[[nodiscard]] inline nlohmann::json json_of(const std::string& arguments) {
    const std::string command = "timeout 100 '" + cli_binary() + "' --json " + arguments + " 2>/dev/null";
    std::FILE* pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string text;
    std::array<char, 4096> chunk{};
    for (std::size_t n = 0; (n = std::fread(chunk.data(), 1, chunk.size(), pipe)) > 0;)
        text.append(chunk.data(), n);
    const int status = ::pclose(pipe);
    INFO(text.substr(0, 3000));
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
    return nlohmann::json::parse(text, nullptr, false);
}

/// A cluster file of these workers, alike and near. \param memory of each, as "40 MiB"
inline void write_cluster(const std::string& path,
                          const std::vector<std::pair<std::string, std::string>>& workers,
                          const std::string& memory = {}) {
    nlohmann::json cluster{
        {"name", "some"}, {"devices", nlohmann::json::array()}, {"links", nlohmann::json::array()}};
    for (const auto& [name, address] : workers) {
        for (const auto& before : cluster["devices"])
            cluster["links"].push_back({{"between", {before["name"], name}},
                                        {"latency_s", "0.1 ms"},
                                        {"bandwidth_bytes_per_s", "10 Gbit/s"}});
        cluster["devices"].push_back({{"name", name}, {"speed_flops", "20 GFLOPS"}, {"address", address}});
        if (!memory.empty()) cluster["devices"].back()["memory_bytes"] = memory;
    }
    std::ofstream(path) << cluster.dump();
}

inline void pause_seconds(double s) { std::this_thread::sleep_for(std::chrono::duration<double>(s)); }

}  // namespace dispart::test
