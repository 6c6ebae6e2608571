// The command line over the library: plan, solve, explain, simulate, schedule, run, status, worker, keys, infer, export, probe.
#include <CLI/CLI.hpp>

#include <functional>
#include <optional>

#include "dispart/commands.hpp"

namespace {

void add_model(CLI::App& to, cli::model_choice& model) {
    to.add_option("--model", model.name, "a network of the zoo, or an .onnx or .json file")->required();
    to.add_option("--seed", model.seed, "of the zoo's weights")->capture_default_str();
    to.add_option("--batch", model.batch, "leading extent of the inputs")->capture_default_str();
    to.add_option("--image", model.image, "height and width of a zoo network's image; 0: its own")
        ->capture_default_str();
    to.add_option("--bind", model.bind, "extents of a file's symbolic dimensions, NAME=EXTENT");
    to.add_option("--shape", model.shape, "shapes of a file's inputs, NAME=1x3x224x224");
    to.add_option("--value", model.value, "an input that is the same in every request, NAME=NUMBER");
    to.add_flag("--random-weights", model.random_weights, "replace a file's weights by seeded random ones");
}

void add_carrier(CLI::App& to, cli::carrier_choice& carrier, const char* plaintext) {
    to.add_option("--transport", carrier.transport,
                  "tcp, tls, or where they were built in grpc and mpi; default: tls with keys, tcp without");
    to.add_option("--tls", carrier.tls, "folder of this node's certificate, as `dispart keys` makes it");
    to.add_option("--psk", carrier.psk, "file of a key that all nodes share, instead of certificates");
    to.add_flag("--allow-plaintext-off-machine", carrier.plaintext, plaintext);
}

void add_backend(CLI::App& to, std::string& backend) {
    to.add_option("--backend", backend, "eigen, xtensor, or onednn where it was built in")
        ->capture_default_str();
}

void add_codec(CLI::App& to, cli::codec_choice& codec) {
    to.add_option("--codec", codec.name, "of all edges, by name; auto: the cheapest for each")
        ->capture_default_str();
    to.add_option("--max-error", codec.max_error, "that a codec may make, of each tensor's largest magnitude")
        ->capture_default_str();
}

class command_line {
  public:
    command_line() {
        app_.require_subcommand(1);
        app_.fallthrough();
        app_.add_flag("--json", as_json_, "machine-readable output");
        add_infer();
        add_export();
        add_worker();
        add_keys();
        add_probe();
        add_plan();
        add_solve();
        add_explain();
        add_manifests();
        add_simulate();
        add_schedule();
        add_run();
        add_status();
    }

    int run(int argc, char** argv) {
        try {
            app_.parse(argc, argv);
        } catch (const CLI::ParseError& e) {
            const bool asked_for_help = e.get_exit_code() == 0;
            if (!as_json_ || asked_for_help) return app_.exit(e);
            return cli::report_error(
                {dispart::errc::invalid_argument, "command line", e.what(), "see --help"}, true);
        }
        const auto status = chosen_();
        return status ? *status : cli::report_error(status.error(), as_json_);
    }

  private:
    template <class Arguments>
    CLI::App& add(const char* name, const char* about, Arguments& arguments,
                  dispart::result<int> (*command)(const Arguments&, bool)) {
        auto* sub = app_.add_subcommand(name, about);
        sub->callback(
            [this, &arguments, command] { chosen_ = [&, command] { return command(arguments, as_json_); }; });
        return *sub;
    }

    void add_infer() {
        auto& sub = add("infer", "run one request on this machine", infer_, cli::infer);
        add_model(sub, infer_.model);
        sub.add_option("--check", infer_.check, "a reference file (NAME.ref.json) to compare with");
        sub.add_option("--tolerance", infer_.tolerance, "absolute or relative")->capture_default_str();
        sub.add_option("--repeat", infer_.repeat, "timed repetitions");
        add_backend(sub, infer_.backend);
    }
    void add_export() {
        auto& sub =
            add("export", "write a model as an ONNX file, or as JSON (.json)", export_, cli::export_model);
        add_model(sub, export_.model);
        sub.add_option("--out", export_.out, "the file")->required();
    }
    void add_worker() {
        auto& sub = add("worker", "serve stages", worker_, cli::worker);
        sub.add_option(
            "--listen", worker_.listen,
            "HOST:PORT, or with mpi RANK:PORT; port 0 takes an unused one; default: one of this machine "
            "alone");
        sub.add_option("--name", worker_.name, "in messages; default: the certificate's");
        sub.add_option("--slowdown", worker_.slowdown, "imitate a device that is this many times slower")
            ->capture_default_str();
        sub.add_option("--deployments", worker_.deployments, "end after so many; 0: never")
            ->capture_default_str();
        add_backend(sub, worker_.backend);
        sub.add_option(
            "--cache", worker_.cache,
            "a folder of this worker's own, where weights are kept that it has received (8 GiB at most)");
        sub.add_flag("--quiet", worker_.quiet, "no log on standard error");
        add_carrier(sub, worker_.carrier, "listen beyond loopback, unencrypted");
    }
    void add_keys() {
        auto& sub = add("keys", "make keys and certificates", keys_, cli::keys);
        sub.add_option("--dir", keys_.dir, "folder of the cluster's authority, made where it is missing");
        sub.add_option("--coordinator", keys_.coordinators, "a node that may deploy, NAME or NAME=HOST,HOST");
        sub.add_option("--node", keys_.nodes,
                       "a node that only works, NAME or NAME=HOST,HOST; NAME as in the cluster file");
        sub.add_option("--days", keys_.days, "that the certificates hold")->capture_default_str();
        sub.add_option("--psk", keys_.psk, "make this file with a key that all nodes share");
    }
    void add_probe() {
        auto& sub = add("probe", "measure this machine", probe_, cli::probe);
        sub.add_option("--models", probe_.models, "models whose layers are measured besides the built-in set")
            ->delimiter(',');
        sub.add_option("--predict", probe_.predict, "models to measure and compare with what the laws predict")
            ->delimiter(',');
        sub.add_option("--slowdown", probe_.slowdown, "imitate a slower device")->capture_default_str();
        sub.add_option("--repeat", probe_.repeat, "rounds over all models")->capture_default_str();
        add_backend(sub, probe_.backend);
        sub.add_option("--out", probe_.out, "write the measurements to this file");
    }
    void add_plan() {
        auto& sub = add("plan", "divide a model over a cluster", plan_, cli::plan);
        add_model(sub, plan_.model);
        sub.add_option("--cluster", plan_.cluster, "a cluster file")->required();
        sub.add_option("--objective", plan_.objective, "latency or throughput")->capture_default_str();
        sub.add_option("--algorithm", plan_.algorithm,
                       "chain, even, proportional or best-single-device; default: the best");
        sub.add_option("--spread", plan_.spread,
                       "layers over several devices: auto, pipeline, tiles, shards or replicas");
        sub.add_option("--tiling", plan_.tiling, "draw the tiles into this SVG file");
        sub.add_flag("--explain", plan_.explain, "the explanation in JSON too");
        add_codec(sub, plan_.codec);
        sub.add_option("--out", plan_.out, "write the plan to this file");
    }
    void add_solve() {
        auto& sub = add("solve", "solve a partitioning instance", solve_, cli::solve);
        sub.add_option("file", solve_.file, "the instance, as JSON")->required();
        sub.add_option("--algorithm", solve_.algorithm,
                       "one of the algorithms by name; default: the best of all");
        sub.add_option("--objective", solve_.objective,
                       "latency or throughput; default: latency in a folder named so, else as the file says");
        sub.add_option("--budget", solve_.budget, "seconds to search")->capture_default_str();
        sub.add_option("--iterations", solve_.iterations,
                       "steps to search, instead of or besides seconds: repeatable with a large --budget");
        sub.add_option("--seed", solve_.seed, "of the random choices")->capture_default_str();
        sub.add_flag("--replicate", solve_.replicate,
                     "contiguous, and equal devices may take turns with one part");
        sub.add_flag("--contiguous", solve_.contiguous, "only divisions whose parts come one after the other");
    }
    void add_explain() {
        auto& sub = add("explain", "say what a plan does and why", explain_, cli::explain);
        sub.add_option("plan", explain_.plan, "a plan file")->required();
    }
    void add_manifests() {
        auto& sub = add("manifests", "write Kubernetes manifests for a plan", manifests_, cli::manifests);
        sub.add_option("plan", manifests_.plan, "a plan file")->required();
        sub.add_option("--cluster", manifests_.cluster, "the plan's cluster file")->required();
        sub.add_option("--image", manifests_.image, "a container whose entry point is this program")
            ->capture_default_str();
        sub.add_option("--model", manifests_.model,
                       "as the coordinator's container finds it; default: the plan's");
        add_backend(sub, manifests_.backend);
        sub.add_option("--out", manifests_.out, "write to this file");
    }
    void add_simulate() {
        auto& sub = add("simulate", "predict a stream of requests", simulate_, cli::simulate);
        sub.add_option("plan", simulate_.plan, "a plan file")->required();
        sub.add_option("--requests", simulate_.requests, "how many; default: the load file's, or 32");
        sub.add_option("--load", simulate_.load, "a load file: when requests arrive, how times vary");
        sub.add_option("--faults", simulate_.faults,
                       "a fault file: what dies, stalls, slows or degrades, and when");
        sub.add_option("--cluster", simulate_.cluster, "the plan's cluster file, for energy and price");
        sub.add_option("--svg", simulate_.svg,
                       "write pictures to PREFIX-gantt.svg, -utilisation.svg, -latency.svg");
        sub.add_option("--trace", simulate_.trace, "write a Chrome trace to this file");
        sub.add_option("--window", simulate_.window, "most in flight; 0: no limit")->capture_default_str();
    }
    void add_schedule() {
        auto& sub = add("schedule", "say where and when the tasks of a graph run", schedule_, cli::schedule);
        sub.add_option("file", schedule_.file, "a task-graph/1 file, or instance/1: its layers")->required();
        sub.add_option("--algorithm", schedule_.algorithm, "a list scheduler, as heft; default: portfolio");
        sub.add_option("--budget", schedule_.budget, "seconds in all, by the clock on the wall")
            ->capture_default_str();
        sub.add_option("--iterations", schedule_.iterations,
                       "of improvement, in place of seconds: repeatable");
        sub.add_option("--seed", schedule_.seed, "of improvement")->capture_default_str();
        sub.add_option("--threads", schedule_.threads, "searches side by side, each with the whole budget")
            ->capture_default_str();
        sub.add_flag("--schedule", schedule_.schedule, "print the schedule");
        sub.add_option("--svg", schedule_.svg, "draw the schedule into this file");
        sub.add_option("--check", schedule_.check, "judge the schedule in this file in place of making one");
    }
    void add_run() {
        auto& sub = add("run", "plan, explain, simulate, run and check", run_, cli::run);
        add_model(sub, run_.model);
        auto* cluster =
            sub.add_option("--cluster", run_.cluster, "a cluster file; devices with an address are dialled");
        sub.add_option("--local", run_.local, "start this many worker processes here")->excludes(cluster);
        sub.add_option("--slowdown", run_.slowdown, "of each local worker")->delimiter(',');
        sub.add_option("--objective", run_.objective, "latency or throughput")->capture_default_str();
        sub.add_option("--requests", run_.requests, "how many")->capture_default_str();
        sub.add_flag("--compare", run_.compare, "run the best single device too, with the same requests");
        sub.add_flag("--check", run_.check, "compare every output with a run on one device");
        sub.add_option("--calibrate-on", run_.calibrate_on,
                       "models to measure beforehand; default: the model itself")
            ->delimiter(',');
        sub.add_flag("--calibrate", run_.calibrate,
                     "with --cluster: measure the model here and the workers by a trial, and plan by that")
            ->needs(cluster);
        sub.add_option("--repeat", run_.repeat,
                       "streams, of whose measurements the medians count (5 on local workers, else 1)")
            ->capture_default_str();
        sub.add_option("--algorithm", run_.algorithm,
                       "chain, even, proportional or best-single-device; default: the best");
        sub.add_option("--spread", run_.spread,
                       "layers over several workers: auto, pipeline, tiles, shards or replicas");
        add_codec(sub, run_.codec);
        add_backend(sub, run_.backend);
        sub.add_option("--out", run_.out, "folder for plan, pictures and trace")->capture_default_str();
        sub.add_option("--listen", run_.listen,
                       "HOST:PORT where results come in; default: an unused port of this machine's address "
                       "on the workers' network");
        add_carrier(sub, run_.carrier, "dial beyond loopback, unencrypted");
        sub.add_flag("--adapt", run_.adapt,
                     "serve on while workers fail, come and go: plan again over the rest");
        sub.add_option("--deadline", run_.deadline, "seconds for each request, with --adapt")
            ->capture_default_str();
        sub.add_option("--for", run_.lasting, "with --adapt: seconds after which no more requests are made");
        sub.add_option("--fallback", run_.fallback,
                       "with --adapt: a model that answers here where no worker can");
        auto* rollout = sub.add_option("--rollout", run_.rollout,
                                       "with --adapt: a model that takes over while requests flow");
        sub.add_option("--rollout-after", run_.rollout_after, "requests; default: half of them")->needs(rollout);
        auto* journal =
            sub.add_option("--journal", run_.journal,
                           "with --adapt: a file of what was taken and answered, from which it goes on");
        sub.add_flag("--standby", run_.standby,
                     "wait until the process that has the journal ends or hangs, and take over")
            ->needs(journal);
    }
    void add_status() {
        auto& sub =
            add("status", "say which workers answer, and how a run with --adapt goes", status_, cli::status);
        sub.add_option("--cluster", status_.cluster, "a cluster file: its workers are asked");
        sub.add_option("--out", status_.out, "the run's folder")->capture_default_str();
        sub.add_option("--within", status_.within, "seconds to answer")->capture_default_str();
        add_carrier(sub, status_.carrier, "dial beyond loopback, unencrypted");
    }

    CLI::App app_{"dispart: divides, allocates and schedules deep-network inference over unequal machines",
                  "dispart"};
    bool as_json_ = false;
    std::function<dispart::result<int>()> chosen_{};
    cli::infer_arguments infer_{};
    cli::export_arguments export_{};
    cli::worker_arguments worker_{};
    cli::keys_arguments keys_{};
    cli::probe_arguments probe_{};
    cli::plan_arguments plan_{};
    cli::solve_arguments solve_{};
    cli::explain_arguments explain_{};
    cli::manifests_arguments manifests_{};
    cli::simulate_arguments simulate_{};
    cli::schedule_arguments schedule_{};
    cli::run_arguments run_{};
    cli::status_arguments status_{};
};

}  // namespace

int main(int argc, char** argv) { return command_line().run(argc, argv); }
