// What outlives what, among real processes: a coordinator its machine, weights their worker, requests both.
#include <doctest/doctest.h>

#include <array>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "cli/processes.hpp"
#include "support/temporary.hpp"

using namespace dispart;

namespace {

std::vector<std::string> words(const std::string& text) {
    std::vector<std::string> made;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        made.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return made;
}

void is_whole(const nlohmann::json& told) {
    INFO(told.dump(1));
    REQUIRE(told.is_object());
    CHECK(told["without_outcome"] == 0);
    CHECK(told["more_than_one_outcome"] == 0);
    CHECK(told["mismatches"] == 0);
}

std::size_t files_in(const std::filesystem::path& folder) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

/// The command that answers 4000 requests with a journal, up to its folder for files.
std::string journaled_run(const test::temporary_folder& folder,
                          const std::array<test::worker_process, 2>& workers) {
    const std::string cluster = (folder / "two.json").string(), journal = (folder / "journal").string();
    test::write_cluster(cluster, {{"a", workers[0].address()}, {"b", workers[1].address()}});
    return "--json run --adapt --check --model squeezenet --image 64 --requests 4000 --cluster " + cluster +
           " --journal " + journal + " --out ";
}

/// It answers what the process before it has not.
void takes_over(test::cli_process& standby) {
    const auto told = nlohmann::json::parse(standby.rest(), nullptr, false);
    CHECK(standby.wait() == 0);
    is_whole(told);
    const auto before = told["by_the_process_before"].get<std::size_t>();
    CHECK(before > 0);
    CHECK(told["answered"].get<std::size_t>() + before == 4000);
}

}  // namespace

TEST_CASE("run --journal --standby: the coordinator is killed in the middle of a stream, and another one "
          "takes over") {
    const test::temporary_folder folder;
    const std::array<test::worker_process, 2> workers;
    const std::string run = journaled_run(folder, workers);
    test::cli_process first(words(run + (folder / "first").string()));
    test::pause_seconds(1.0);
    test::cli_process second(words(run + (folder / "second").string() + " --standby"));
    test::pause_seconds(3.0);
    first.kill();
    takes_over(second);
    // all are answered now: who is started again has nothing to do
    const auto again = test::json_of(run.substr(7) + (folder / "third").string());
    CHECK(again["by_the_process_before"] == 4000);
    CHECK(again["answered"] == 0);
}

TEST_CASE("run --journal --standby: the coordinator hangs, another one takes over, and the first one goes on "
          "in vain") {
    const test::temporary_folder folder;
    const std::array<test::worker_process, 2> workers;
    const std::string run = journaled_run(folder, workers);
    test::cli_process first(words(run + (folder / "first").string()));
    test::pause_seconds(1.0);
    test::cli_process second(words(run + (folder / "second").string() + " --standby"));
    test::pause_seconds(3.0);
    first.send(SIGSTOP);
    test::pause_seconds(4.0);
    first.send(SIGCONT);
    const auto fenced = nlohmann::json::parse(first.rest(), nullptr, false);
    CHECK(WEXITSTATUS(first.wait()) == 1);
    INFO(fenced.dump(1));
    CHECK(fenced["error"]["code"] == "cancelled");
    takes_over(second);
}

TEST_CASE(
    "run --adapt --tls, worker --cache: a worker that is killed and started again has its weights on disk") {
    const test::temporary_folder folder;
    const std::string keys = (folder / "keys").string();
    const auto made = test::json_of("keys --dir " + keys +
                                    " --coordinator desk=127.0.0.1 --node a=127.0.0.1 --node b=127.0.0.1");
    CHECK(made["made"].size() == 4);
    const auto worker = [&](const std::string& name, const std::string& listen) {
        return std::make_unique<test::worker_process>(
            listen, std::vector<std::string>{"--tls", keys + "/" + name, "--cache", (folder / name).string()});
    };
    auto a = worker("a", "127.0.0.1:0"), b = worker("b", "127.0.0.1:0");
    const std::string cluster = (folder / "two.json").string();
    test::write_cluster(cluster, {{"a", a->address()}, {"b", b->address()}});
    test::cli_process run(
        words("--json run --adapt --check --model resnet18 --image 64 --requests 4000 --algorithm even "
              "--cluster " +
              cluster + " --tls " + keys + "/desk --out " + (folder / "out").string()));
    test::pause_seconds(3.0);
    const std::size_t kept = files_in(folder / "b");
    CHECK(kept > 50);  // half of 47 MB
    const std::string address = b->address().substr(b->address().find('@') + 1);
    b = nullptr;
    test::pause_seconds(0.2);
    b = worker("b", address);
    const auto told = nlohmann::json::parse(run.rest(), nullptr, false);
    CHECK(run.wait() == 0);
    is_whole(told);
    CHECK(told["answered"] == 4000);
    CHECK(told["service"]["failures"].get<int>() >= 1);
    CHECK(told["service"]["members"]["b"] == "present");
    CHECK(files_in(folder / "b") == kept);
    CHECK(std::filesystem::exists(folder / "out" / "trace.json"));
}

TEST_CASE("run --adapt: local workers, spread layers, and the fallback where no worker is") {
    const test::temporary_folder folder;
    const std::string out = " --out " + (folder / "out").string();
    test::cli_process here(
        words("--json run --adapt --check --model squeezenet --image 64 --requests 2000 --local 2" + out));
    const auto file = folder / "out" / "status.json";
    for (int i = 0; i < 300 && !std::filesystem::exists(file); ++i) test::pause_seconds(0.1);
    CHECK(here.children() == 2);  // those that were there for trials have ended
    const auto local = nlohmann::json::parse(here.rest(), nullptr, false);
    is_whole(local);
    CHECK(local["answered"] == 2000);
    const std::array<test::worker_process, 2> workers;
    const std::string cluster = (folder / "two.json").string();
    test::write_cluster(cluster, {{"a", workers[0].address()}, {"b", workers[1].address()}});
    const auto spread = test::json_of(
        "run --adapt --check --model squeezenet --image 64 --requests 200 --spread tiles --cluster " +
        cluster + out);
    is_whole(spread);
    CHECK(spread["answered"] == 200);
    test::cli_process losing(words(
        "--json run --adapt --check --model squeezenet --image 64 --requests 3000 --spread tiles --cluster " +
        cluster + out));
    test::pause_seconds(3.0);
    workers[1].send(SIGKILL);  // one alone cannot have strips
    const auto left = nlohmann::json::parse(losing.rest(), nullptr, false);
    is_whole(left);
    CHECK(left["answered"] == 3000);
    CHECK(left["service"]["failures"].get<int>() >= 1);
    test::write_cluster(cluster, {{"a", "127.0.0.1:1"}});  // nobody listens there
    const auto alone =
        test::json_of("run --adapt --model resnet18 --requests 20 --deadline 20 --fallback squeezenet "
                      "--cluster " +
                      cluster + out);
    INFO(alone.dump(1));
    CHECK(alone["by_fallback"] == 20);
    const auto refused =
        test::json_of("run --adapt --model squeezenet --requests 5 --deadline 1 --cluster " + cluster + out);
    CHECK(refused["refused"] == 5);
    CHECK(refused["slowest_s"].get<double>() < 1.2);
}
