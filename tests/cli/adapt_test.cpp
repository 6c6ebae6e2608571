// Workers that are killed and suspended in the middle of a stream: real processes, real sockets.
#include <doctest/doctest.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

namespace {

using nlohmann::json;

std::string binary() {
    const char* path = std::getenv("DISPART_CLI");
    REQUIRE_MESSAGE(path != nullptr, "DISPART_CLI names the command line; ctest sets it");
    return path;
}

/// A worker process, gone with this object.
class worker_process {
  public:
    explicit worker_process(const std::string& address = "127.0.0.1:0") {
        std::array<int, 2> ends{};
        REQUIRE(::pipe(ends.data()) == 0);
        const std::string path = binary();
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(ends[1], STDOUT_FILENO);
            ::close(ends[0]);
            ::execl(path.c_str(), path.c_str(), "worker", "--quiet", "--listen", address.c_str(), nullptr);
            ::_exit(127);
        }
        ::close(ends[1]);
        output_ = ::fdopen(ends[0], "r");
        std::array<char, 200> line{};
        REQUIRE(std::fgets(line.data(), line.size(), output_) != nullptr);
        address_ = std::string(line.data()).substr(10);
        address_.pop_back();
    }
    worker_process(const worker_process&) = delete;
    worker_process& operator=(const worker_process&) = delete;
    ~worker_process() {
        send(SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        std::fclose(output_);
    }
    void send(int signal) const { ::kill(pid_, signal); }
    [[nodiscard]] const std::string& address() const { return address_; }

  private:
    pid_t pid_ = -1;
    std::FILE* output_ = nullptr;
    std::string address_{};
};

json output_of(const std::string& arguments) {
    const std::string command = "timeout 100 '" + binary() + "' --json " + arguments + " 2>/dev/null";
    std::FILE* pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string text;
    std::array<char, 4096> chunk{};
    for (std::size_t n = 0; (n = std::fread(chunk.data(), 1, chunk.size(), pipe)) > 0;)
        text.append(chunk.data(), n);
    const int status = ::pclose(pipe);
    INFO(text.substr(0, 3000));
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
    return json::parse(text, nullptr, false);
}

void pause_seconds(double s) { std::this_thread::sleep_for(std::chrono::duration<double>(s)); }

}  // namespace

TEST_CASE(
    "run --adapt: a worker is killed, one is suspended and returns; every request has its right answer") {
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("dispart-adapt-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    const std::array<worker_process, 3> workers;
    json cluster{{"name", "three"}, {"devices", json::array()}, {"links", json::array()}};
    const std::array<const char*, 3> names{"a", "b", "c"};
    for (std::size_t i = 0; i < 3; ++i)
        cluster["devices"].push_back(
            {{"name", names[i]}, {"speed_flops", "20 GFLOPS"}, {"address", workers[i].address()}});
    for (const auto& pair : {json{"a", "b"}, json{"a", "c"}, json{"b", "c"}})
        cluster["links"].push_back(
            {{"between", pair}, {"latency_s", "0.1 ms"}, {"bandwidth_bytes_per_s", "10 Gbit/s"}});
    std::ofstream(folder / "three.json") << cluster.dump();

    std::thread trouble([&] {
        pause_seconds(2.5);
        workers[1].send(SIGKILL);
        pause_seconds(3.0);
        workers[2].send(SIGSTOP);
        pause_seconds(4.0);
        workers[2].send(SIGCONT);
    });
    const auto told = output_of(
        "run --adapt --check --model resnet18 --image 96 --requests 1500 --algorithm even --cluster " +
        (folder / "three.json").string() + " --out " + (folder / "out").string());
    trouble.join();
    INFO(told.dump(1));
    REQUIRE(told.is_object());
    CHECK(told["answered"] == 1500);
    CHECK(told["without_outcome"] == 0);
    CHECK(told["more_than_one_outcome"] == 0);
    CHECK(told["mismatches"] == 0);
    CHECK(told["service"]["failures"].get<int>() >= 2);
    CHECK(told["service"]["members"]["b"] == "lost");
    CHECK(told["longest_gap_s"].get<double>() < 5.0);  // detected within 2 s, resumed within 3 s of it

    const auto asked = output_of("status --cluster " + (folder / "three.json").string() + " --out " +
                                 (folder / "out").string());
    CHECK(asked["workers"][0]["answers"] == true);
    CHECK(asked["workers"][1]["answers"] == false);
    CHECK(asked["run"]["answered"] == 1500);
    std::filesystem::remove_all(folder);
}
