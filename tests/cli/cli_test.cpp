// The command line as people and scripts use it: real processes, real sockets, machine-readable answers.
#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/corpus.hpp"

using nlohmann::json;

namespace {

struct answer {
    int status = -1;
    std::string text{};

    [[nodiscard]] json parsed() const { return json::parse(text, nullptr, false); }
};

/// Runs `dispart ARGUMENTS`, two minutes at most; its standard error is dropped.
answer dispart_cli(const std::string& arguments) {
    const char* binary = std::getenv("DISPART_CLI");
    REQUIRE_MESSAGE(binary != nullptr, "DISPART_CLI names the command line; ctest sets it");
    const std::string command = "timeout 120 '" + std::string(binary) + "' " + arguments + " 2>/dev/null";
    std::FILE* pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    answer got;
    char chunk[4096];
    for (std::size_t n = 0; (n = std::fread(chunk, 1, sizeof chunk, pipe)) > 0;) got.text.append(chunk, n);
    const int raw = ::pclose(pipe);
    got.status = WIFEXITED(raw) ? WEXITSTATUS(raw) : -1;
    return got;
}

/// A folder of this test's own, gone with it.
struct scratch {
    std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("dispart-cli-" + std::to_string(::getpid()));
    scratch() { std::filesystem::create_directories(folder); }
    ~scratch() { std::filesystem::remove_all(folder); }
    [[nodiscard]] std::string path(const std::string& name) const { return (folder / name).string(); }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(folder / name) << text;
    }
};

constexpr const char* two_boards = R"({
  "name": "two",
  "devices": [
    {"name": "fast", "speed_flops": "40 GFLOPS", "memory_bytes": "2 GiB"},
    {"name": "slow", "speed_flops": "10 GFLOPS", "memory_bytes": "1 GiB"}],
  "links": [{"between": ["fast", "slow"], "latency_s": "1 ms", "bandwidth_bytes_per_s": "1 Gbit/s"}]
})";

void check_run(const std::string& arguments) {
    const auto got = dispart_cli("run --json --check --repeat 1 " + arguments);
    INFO(arguments << ": " << got.text.substr(0, 2000));
    REQUIRE(got.status == 0);
    const auto document = got.parsed();
    CHECK(document["check"]["mismatches"] == 0);
    CHECK(document["check"]["max_abs_error"].get<double>() <= 1e-4);
    CHECK(document["predicted"]["period_s"].get<double>() > 0.0);
    CHECK(document["measured"]["period_s"].get<double>() > 0.0);
    CHECK(document["measured"]["latency_s"].get<double>() > 0.0);
    CHECK(document["plan"]["stages"].size() >= 1);
}

}  // namespace

TEST_CASE("plan, explain and simulate: a plan file goes from one to the next") {
    const scratch here;
    here.write("two.json", two_boards);
    const auto planned = dispart_cli("plan --json --model resnet18 --cluster " + here.path("two.json") +
                                     " --out " + here.path("plan.json"));
    INFO(planned.text.substr(0, 2000));
    REQUIRE(planned.status == 0);
    const auto document = planned.parsed();
    CHECK(document["stages"].size() == 2);
    CHECK(document["gap"].get<double>() >= 0.0);
    CHECK(document["gap"].get<double>() < 0.2);
    CHECK(document["bound_s"].get<double>() <= document["period_s"].get<double>());
    for (const auto& each : document["baselines"])
        if (each["feasible"])
            CHECK(document["period_s"].get<double>() <= each["period_s"].get<double>() * (1 + 1e-9));

    const auto explained = dispart_cli("explain " + here.path("plan.json"));
    CHECK(explained.status == 0);
    CHECK(explained.text.find("fast") != std::string::npos);
    CHECK(explained.text.find("The period is set by") != std::string::npos);

    const auto simulated = dispart_cli("simulate --json --requests 40 " + here.path("plan.json"));
    REQUIRE(simulated.status == 0);
    CHECK(simulated.parsed()["period_s"].get<double>() ==
          doctest::Approx(document["period_s"].get<double>()).epsilon(1e-6));
    CHECK(simulated.parsed()["first_latency_s"].get<double>() ==
          doctest::Approx(document["latency_s"].get<double>()).epsilon(1e-6));

    here.write("load.json", R"({"requests": 50, "pattern": "poisson", "rate_per_s": 3, "seed": 2})");
    here.write("faults.json", R"({"faults": [{"what": "dies", "device": "fast", "at_s": 5, "until_s": 8}]})");
    const std::string loaded =
        "simulate --json " + here.path("plan.json") + " --load " + here.path("load.json");
    const auto calm = dispart_cli(loaded).parsed();
    CHECK(calm["completed"] == 50);
    const auto faulty = dispart_cli(loaded + " --faults " + here.path("faults.json") + " --svg " +
                                    here.path("pictures") + " --cluster " + here.path("two.json"));
    REQUIRE(faulty.status == 0);
    CHECK(faulty.parsed()["completed"] == 50);
    CHECK(faulty.parsed()["latency_s"]["max"].get<double>() > calm["latency_s"]["max"].get<double>() + 2.0);
    CHECK(faulty.parsed()["energy_j"] == 0.0);
    for (const char* picture : {"pictures-gantt.svg", "pictures-utilisation.svg", "pictures-latency.svg"})
        CHECK(std::filesystem::file_size(here.path(picture)) > 500);
    here.write("faults.json", R"({"faults": [{"what": "dies", "device": "fats", "at_s": 5}]})");
    const auto unknown = dispart_cli(loaded + " --faults " + here.path("faults.json"));
    CHECK(unknown.status == 1);
    CHECK(unknown.parsed()["error"]["hint"] == "did you mean 'fast'?");
    const auto tiled =
        dispart_cli("plan --json --explain --model resnet18 --objective latency --spread tiles --tiling " +
                    here.path("tiles.svg") + " --cluster " + here.path("two.json"));
    INFO(tiled.text);
    REQUIRE(tiled.status == 0);
    CHECK(tiled.parsed()["plan"]["stages"].size() >= 3);
    CHECK(std::filesystem::file_size(here.folder / "tiles.svg") > 1000);
    const std::string copies =
        "plan --json --model resnet18 --spread replicas --cluster " + here.path("two.json");
    CHECK(dispart_cli(copies + " --objective latency").parsed()["error"]["code"] == "unsupported");
    const auto replicated = dispart_cli(copies + " --out " + here.path("plan.json")).parsed();
    CHECK(replicated["turns"] == replicated["stages"].size());
    CHECK(dispart_cli("simulate --json --requests 60 " + here.path("plan.json"))
              .parsed()["period_s"]
              .get<double>() == doctest::Approx(replicated["period_s"].get<double>()).epsilon(0.1));
}

TEST_CASE("schedule: makespan, bound, gap, algorithm and seconds; the schedule and its picture on demand") {
    const scratch here;
    here.write("tasks.json",
               R"({"format": "task-graph/1", "tasks": [{"id": 0, "cost": 4}, {"id": 1, "cost": 2},
        {"id": 2, "cost": 2}], "edges": [{"src": 0, "dst": 1, "size": 1}, {"src": 0, "dst": 2, "size": 1}],
        "nodes": [{"id": 0, "speed": 2}, {"id": 1, "speed": 1}], "link_speed": [[1, 1], [1, 1]]})");
    const std::string file = here.path("tasks.json");
    const auto best =
        dispart_cli("schedule --json --budget 0.1 --schedule --svg " + here.path("s.svg") + " " + file);
    INFO(best.text);
    REQUIRE(best.status == 0);
    const auto document = best.parsed();
    CHECK(document["makespan"] == 4.0);  // all on the fast one: 2 + 1 + 1
    CHECK(document["bound"].get<double>() <= 4.0);
    CHECK(document["gap"].get<double>() >= 0.0);
    CHECK(document["seconds"].get<double>() < 5.0);
    CHECK(document["schedule"].size() == 3);
    CHECK(std::filesystem::file_size(here.path("s.svg")) > 500);
    here.write("ours.json", best.text);
    CHECK(dispart_cli("schedule --json --check " + here.path("ours.json") + " " + file).parsed()["makespan"] ==
          4.0);
    here.write("theirs.json", R"([{"task": 0, "node": 0, "start": 0, "end": 2},
        {"task": 1, "node": 1, "start": 2.5, "end": 4.5}, {"task": 2, "node": 0, "start": 2, "end": 3}])");
    const auto early = dispart_cli("schedule --json --check " + here.path("theirs.json") + " " + file);
    CHECK(early.status == 1);
    CHECK(early.parsed()["error"]["message"].get<std::string>().find("arrives at 3") != std::string::npos);
    const auto exact = dispart_cli("schedule --json --algorithm branch-and-bound " + file);
    CHECK(exact.parsed()["gap"] == 0.0);
    CHECK(dispart_cli("schedule --json --algorithm hbmct " + file).parsed()["algorithm"] == "hbmct");
    const auto unknown = dispart_cli("schedule --json --algorithm no-such " + file);
    CHECK(unknown.status == 1);
    CHECK(unknown.parsed()["error"]["hint"].get<std::string>().find("heft") != std::string::npos);
}

TEST_CASE(
    "solve and schedule: an instance is divided for throughput and latency, and scheduled layer by layer") {
    const scratch here;
    here.write("net.json", R"({"format": "instance/1", "layers": [{"name": "stem", "seconds": {"a": 1, "b": 2}},
        {"name": "left", "seconds": {"a": 3, "b": 3}}, {"name": "right", "seconds": {"a": 3, "b": 3}},
        {"name": "head", "seconds": {"a": 1, "b": 2}}],
        "tensors": [{"bytes": 10, "from": 0, "to": [1, 2]}, {"bytes": 10, "from": 1, "to": [3]},
                    {"bytes": 10, "from": 2, "to": [3]}, {"bytes": 1, "from": 3, "to": [], "output": true}],
        "devices": [{"class": "a", "name": "one"}, {"class": "b", "name": "two"}],
        "links": [{"from": 0, "to": 1, "latency_s": 0, "seconds_per_byte": 0.01},
                  {"from": 1, "to": 0, "latency_s": 0, "seconds_per_byte": 0.01}]})");
    const std::string file = here.path("net.json");
    const auto solved = dispart_cli("solve --json " + file);
    INFO(solved.text);
    REQUIRE(solved.status == 0);
    const auto division = solved.parsed();
    CHECK(division["goal"] == "throughput");
    CHECK(division["objective"] == 5.0);  // stem and a branch on one, the rest on the other
    CHECK(division["bound"].get<double>() <= 5.0);
    CHECK(division["assignment"].size() == 2);
    CHECK(dispart_cli("solve --json --objective latency " + file).parsed()["objective"] == 8.0);
    CHECK(dispart_cli("solve --json --algorithm best-single-device " + file).parsed()["objective"] == 8.0);
    CHECK(dispart_cli("solve --json --algorithm no-such " + file).status == 1);
    CHECK(dispart_cli("solve --json " + here.path("missing.json")).parsed()["error"]["code"] == "not_found");
    // the branches side by side: 1 + 0.1 + 3 + 0.1 + 1
    const auto scheduled = dispart_cli("schedule --json --schedule --iterations 2000 " + file);
    INFO(scheduled.text);
    REQUIRE(scheduled.status == 0);
    CHECK(scheduled.parsed()["makespan"].get<double>() == doctest::Approx(5.2));
    CHECK(scheduled.parsed()["schedule"][0]["task"] == "stem");
}

TEST_CASE("run: local workers over TCP give what one device gives, and leave their files") {
    const scratch here;
    const std::string out = " --out " + here.path("out");
    check_run("--model squeezenet --local 2 --slowdown 1,2 --requests 8" + out);
    for (const char* name : {"plan.json", "gantt.svg", "placement.dot", "trace.json"})
        CHECK(std::filesystem::file_size(here.folder / "out" / name) > 100);
    // "even" uses every worker, whether it pays or not.
    check_run("--model squeezenet --image 96 --local 5 --algorithm even --requests 8" + out);
    // Layers over both workers: tiles with their halos, channels with their sums.
    check_run("--model squeezenet --image 96 --local 2 --spread tiles --requests 4" + out);
    check_run("--model squeezenet --image 96 --local 2 --spread shards --requests 4" + out);
    check_run("--model squeezenet --image 96 --local 2 --spread replicas --requests 8" + out);
    check_run("--model mobilenet_v2 --image 96 --local 3 --algorithm even --requests 8" + out);
}

TEST_CASE("codecs: chosen for a slow link, not for a fast one; run with one; manifests of the plan") {
    const scratch here;
    std::string slow = two_boards;
    slow.replace(slow.find("1 Gbit/s"), 8, "20 Mbit/s");
    here.write("slow.json", slow);
    here.write("fast.json", two_boards);
    const auto is_exact = [&](const std::string& cluster, const std::string& objective) {
        const auto got =
            dispart_cli("plan --json --model resnet50 --algorithm even --codec auto --objective " +
                        objective + " --cluster " + here.path(cluster) + " --out " + here.path("plan.json"));
        INFO(got.text.substr(0, 1000));
        REQUIRE(got.status == 0);
        const auto document = got.parsed();
        bool exact = true;
        for (const auto& m : document["messages"]) {
            if (!m.contains("codec")) continue;
            CHECK(m["max_relative_error"].get<double>() <= 1e-2);
            CHECK(m["bytes"].get<double>() <= m["raw_bytes"].get<double>());
            exact = exact && m["max_relative_error"] == 0.0;
        }
        return exact;
    };
    CHECK(is_exact("fast.json", "throughput"));  // where computing sets the period, nothing is lost
    CHECK_FALSE(is_exact("slow.json", "latency"));
    CHECK(
        dispart_cli("plan --model resnet50 --codec int8 --max-error 1e-4 --cluster " + here.path("slow.json"))
            .status == 1);
    const auto manifests =
        dispart_cli("manifests " + here.path("plan.json") + " --cluster " + here.path("slow.json"));
    CHECK(manifests.parsed()["kind"] == "List");

    const auto got = dispart_cli(
        "run --json --check --model squeezenet --image 96 --local 2 --algorithm even --requests 8 "
        "--repeat 1 --codec int8 --backend xtensor --out " +
        here.path("out"));
    INFO(got.text.substr(0, 1000));
    REQUIRE(got.status == 0);
    const auto document = got.parsed();
    CHECK(document["check"]["mismatches"] == 0);
    CHECK(document["check"]["max_error_of_largest"].get<double>() > 0.0);  // something was lost on the way
}

TEST_CASE("infer and run: real ONNX files equal their references, on one device and cut inside their heads") {
    const auto corpus = dispart::test::corpus();
    if (!corpus) {
        MESSAGE("skipped: no corpus");
        return;
    }
    const scratch here;
    for (const auto& entry : std::filesystem::directory_iterator(*corpus / "models")) {
        const auto file = entry.path().string();
        if (!file.ends_with(".ref.json")) continue;
        const auto model = file.substr(0, file.size() - 9) + ".onnx";
        const auto got = dispart_cli("infer --json --model " + model + " --check " + file);
        INFO(model << ": " << got.text.substr(0, 500));
        CHECK(got.status == 0);
        for (const auto& output : got.parsed()["outputs"]) CHECK(output["within_tolerance"] == true);
    }
    const std::string out = " --requests 4 --algorithm even --out " + here.path("out");
    for (const int workers : {2, 3, 5})
        check_run("--model " + (*corpus / "models" / "ultraface_version-RFB-320.onnx").string() +
                  " --local " + std::to_string(workers) + out);
    check_run("--model " + (*corpus / "models" / "mnist_cntk.onnx").string() + " --local 3" + out);
}

TEST_CASE("keys, worker --tls, run --tls: a cluster of one's own, closed to the next one") {
    const scratch here;
    const auto keys = [&](const std::string& dir) {
        const auto made = dispart_cli("keys --json --dir " + here.path(dir) +
                                      " --coordinator desk=127.0.0.1 --node w0=127.0.0.1,w0.lan");
        INFO(made.text);
        REQUIRE(made.status == 0);
        CHECK(made.parsed()["made"].size() == 3);
    };
    keys("ours");
    keys("theirs");
    for (const auto& each : std::filesystem::recursive_directory_iterator(here.folder))
        CHECK((each.status().permissions() & std::filesystem::perms::others_all) ==
              std::filesystem::perms::none);
    // A worker that ends after one deployment; its address is in the file that it prints to.
    const std::string worker = "timeout 120 '" + std::string(std::getenv("DISPART_CLI")) +
                               "' worker --listen 127.0.0.1:0 --deployments 1 --tls " + here.path("ours/w0") +
                               " >" + here.path("address") + " 2>" + here.path("log") + " &";
    REQUIRE(std::system(worker.c_str()) == 0);
    std::string word, address;
    for (int i = 0; i < 200 && address.empty(); ++i) {
        std::ifstream(here.path("address")) >> word >> address;
        ::usleep(50'000);
    }
    REQUIRE(address.starts_with("w0@127.0.0.1:"));
    here.write("cluster.json",
               R"({"name": "one", "devices": [{"name": "desk", "computes": false},
        {"name": "w0", "speed_flops": "10 GFLOPS", "memory_bytes": "2 GiB", "address": ")" +
                   address + R"("}],
        "links": [{"between": ["desk", "w0"], "latency_s": "1 ms", "bandwidth_bytes_per_s": "1 Gbit/s"}],
        "source": "desk", "sink": "desk"})");
    const std::string run = "run --json --check --model squeezenet --image 96 --requests 3 --cluster " +
                            here.path("cluster.json") + " --out " + here.path("out") + " --tls ";
    const auto code = [](const answer& got) { return got.parsed()["error"]["code"].get<std::string>(); };
    const auto stranger = dispart_cli(run + here.path("theirs/desk"));
    CHECK(code(stranger) == "refused");
    CHECK(stranger.parsed()["error"]["message"].get<std::string>().find("authority") != std::string::npos);
    CHECK(code(dispart_cli(run + here.path("ours/w0"))) == "refused");  // a worker does not deploy
    const auto good = dispart_cli(run + here.path("ours/desk"));
    INFO(good.text.substr(0, 1000));
    REQUIRE(good.status == 0);
    CHECK(good.parsed()["check"]["mismatches"] == 0);
    std::string log;
    std::getline(std::ifstream(here.path("log")), log, '\0');
    CHECK(log.find("turned away: refused: 127.0.0.1:") != std::string::npos);
    CHECK(dispart_cli("keys --psk " + here.path("psk")).status == 0);
    CHECK(code(dispart_cli("keys --json --psk " + here.path("psk"))) == "io_error");
    CHECK(code(dispart_cli("keys --json")) == "invalid_argument");
}

TEST_CASE("errors: named, in JSON on demand, with exit status 1") {
    const scratch here;
    here.write("broken.onnx", "this is no model");
    here.write("broken.json", "{\"devices\": [");
    here.write("nan.json", R"({"name": "n", "devices": [{"name": "d", "speed_flops": -1}]})");
    here.write("tiny.json",
               R"({"name": "t", "devices": [{"name": "d", "speed_flops": 1e9, "memory_bytes": 1000}]})");
    const auto code = [&](const std::string& arguments) {
        const auto got = dispart_cli(arguments + " --json");
        INFO(arguments << ": " << got.text);
        CHECK(got.status == 1);
        return got.parsed()["error"]["code"].get<std::string>();
    };
    CHECK(code("infer --model no_such_network") == "not_found");
    CHECK(code("infer --model " + here.path("missing.onnx")) == "not_found");
    CHECK(code("infer --model " + here.path("broken.onnx")) == "parse_error");
    CHECK(code("plan --model resnet18 --cluster " + here.path("broken.json")) == "parse_error");
    CHECK(code("plan --model resnet18 --cluster " + here.path("nan.json")) == "invalid_cluster");
    CHECK(code("plan --model resnet18 --cluster " + here.path("tiny.json")) == "infeasible");
    CHECK(code("explain " + here.path("broken.json")) == "parse_error");
    CHECK(code("run --model squeezenet --local 2 --slowdown 0.5") == "invalid_argument");
    CHECK(code("worker --listen 0.0.0.0:0") == "refused");
    CHECK(code("worker --transport pigeon") == "unsupported");
    CHECK(code("worker --transport tls") == "invalid_argument");
    CHECK(code("worker --transport tcp --psk " + here.path("key")) == "invalid_argument");
    CHECK(code("run --model squeezenet --local 2 --transport mpi") == "invalid_argument");
}
