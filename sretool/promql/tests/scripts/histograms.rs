//! Native histograms.

use crate::check;

#[test]
fn counts_sums_and_quantiles() {
    check(
        "load 1m
            h {{schema:0 count:8 sum:12 buckets:[2 4 2]}}

        eval instant at 0 histogram_count(h)
            {} 8

        eval instant at 0 histogram_sum(h)
            {} 12

        eval instant at 0 histogram_avg(h)
            {} 1.5

        eval instant at 0 histogram_quantile(0.25, h)
            {} 1

        eval instant at 0 histogram_quantile(0.75, h)
            {} 2

        eval instant at 0 histogram_quantile(0.5, h)
            {} 1.4142135623730951

        eval instant at 0 histogram_fraction(1, 2, h)
            {} 0.5

        eval instant at 0 histogram_quantiles(h, \"q\", 0.25, 0.75)
            {q=\"0.25\"} 1
            {q=\"0.75\"} 2

        eval instant at 0 histogram_quantile(1.5, h)
            expect warn msg: PromQL warning: quantile value should be between 0 and 1, got 1.5 (1:20)
            {} +Inf",
    );
}

#[test]
fn custom_buckets_interpolate_evenly() {
    check(
        "load 1m
            h {{schema:-53 count:10 sum:50 custom_values:[5 10] buckets:[4 4 2]}}

        eval instant at 0 histogram_quantile(0.2, h)
            {} 2.5

        eval instant at 0 histogram_quantile(0.6, h)
            {} 7.5

        eval instant at 0 histogram_quantile(0.95, h)
            {} 10

        eval instant at 0 histogram_fraction(0, 7.5, h)
            {} 0.6",
    );
}

#[test]
fn classic_and_native_histograms_of_one_name_exclude_each_other() {
    check(
        "load 1m
            h {{schema:0 count:2 sum:2 buckets:[2]}} {{schema:0 count:2 sum:2 buckets:[2]}}
            h{le=\"1\"} 1 _
            h{le=\"+Inf\"} 2 _

        eval instant at 0 histogram_quantile(0.5, h)
            expect warn msg: PromQL warning: vector contains a mix of classic and native histograms for metric name \"h\" (1:25)

        clear

        load 1m
            a{le=\"1\"} 1
            a{le=\"+Inf\"} 2
            b {{schema:0 count:2 sum:2 buckets:[2]}}

        eval instant at 0 histogram_count({__name__=~\"a|b\"})
            {} 2

        eval instant at 0 histogram_quantile(1, {__name__=~\"a|b\"}) or vector(7)
            expect fail

        eval instant at 0 label_replace(histogram_quantile(1, b), \"k\", \"n\", \"\", \"\") or histogram_quantile(1, a)
            {k=\"n\"} 1
            {} 1",
    );
}

#[test]
fn rates_are_histograms() {
    check(
        "load 1m
            h {{schema:0 count:4 sum:4 buckets:[4]}}+{{schema:0 count:6 sum:12 buckets:[2 4]}}x10

        eval instant at 10m increase(h[5m])
            {} {{schema:0 count:30 sum:60 counter_reset_hint:gauge buckets:[10 20]}}

        eval instant at 10m rate(h[5m])
            {} {{schema:0 count:0.1 sum:0.2 counter_reset_hint:gauge buckets:[0.03333333333333333 0.06666666666666667]}}

        eval instant at 10m irate(h[5m])
            {} {{schema:0 count:0.1 sum:0.2 counter_reset_hint:gauge buckets:[0.03333333333333333 0.06666666666666667]}}

        eval instant at 10m histogram_count(increase(h[5m]))
            {} 30

        eval instant at 10m delta(h[5m])
            expect warn msg: PromQL warning: this native histogram metric is not a gauge: \"h\" (1:7)
            {} {{schema:0 count:30 sum:60 counter_reset_hint:gauge buckets:[10 20]}}

        eval instant at 10m idelta(h[5m])
            expect warn msg: PromQL warning: this native histogram metric is not a gauge: \"h\" (1:8)
            {} {{schema:0 count:6 sum:12 counter_reset_hint:gauge buckets:[2 4]}}",
    );
}

#[test]
fn a_reset_adds_what_was_counted_before_it() {
    check(
        "load 1m
            h {{schema:0 count:5 sum:5 buckets:[5]}} {{schema:0 count:9 sum:9 buckets:[9]}} {{schema:0 count:2 sum:2 buckets:[2]}} {{schema:0 count:4 sum:4 buckets:[4]}}
            g {{schema:0 count:5 sum:5 counter_reset_hint:gauge buckets:[5]}} {{schema:0 count:3 sum:3 counter_reset_hint:gauge buckets:[3]}}

        eval instant at 3m increase(h[3m1ms])
            {} {{schema:0 count:8.000044444444445 sum:8.000044444444445 counter_reset_hint:gauge buckets:[8.000044444444445]}}

        eval instant at 3m resets(h[5m])
            {} 1

        eval instant at 3m changes(h[5m])
            {} 3

        eval instant at 3m irate(h[80s])
            {} {{schema:0 count:0.03333333333333333 sum:0.03333333333333333 counter_reset_hint:gauge buckets:[0.03333333333333333]}}

        eval instant at 1m rate(g[2m])
            expect warn msg: PromQL warning: this native histogram metric is not a counter: \"g\" (1:6)
            {} {{schema:0 count:0.05 sum:0.05 counter_reset_hint:gauge buckets:[0.05]}}

        eval instant at 1m delta(g[61s])
            expect no_warn
            {} {{schema:0 count:-2.033333333333333 sum:-2.033333333333333 counter_reset_hint:gauge buckets:[-2.033333333333333]}}",
    );
}

#[test]
fn sums_and_means_over_time_and_over_series() {
    check(
        "load 1m
            h{a=\"1\"} {{schema:0 count:2 sum:3 buckets:[1 1]}} {{schema:0 count:4 sum:5 buckets:[4]}}
            h{a=\"2\"} {{schema:1 count:6 sum:7 buckets:[1 2 3]}} _

        eval instant at 1m sum_over_time(h{a=\"1\"}[5m])
            {a=\"1\"} {{schema:0 count:6 sum:8 buckets:[5 1]}}

        eval instant at 1m avg_over_time(h{a=\"1\"}[5m])
            {a=\"1\"} {{schema:0 count:3 sum:4 buckets:[2.5 0.5]}}

        eval instant at 1m count_over_time(h[5m])
            {a=\"1\"} 2
            {a=\"2\"} 1

        eval instant at 0 sum(h)
            {} {{schema:0 count:8 sum:10 buckets:[2 6]}}

        eval instant at 0 avg(h)
            {} {{schema:0 count:4 sum:5 buckets:[1 3]}}

        eval instant at 0 count(h)
            {} 2

        eval instant at 0 group by (a) (h)
            {a=\"1\"} 1
            {a=\"2\"} 1

        eval instant at 0 count_values(\"v\", h{a=\"1\"})
            {v=\"{count:2, sum:3, (0.5,1]:1, (1,2]:1}\"} 1

        eval instant at 0 limitk(1, h{a=\"2\"})
            h{a=\"2\"} {{schema:1 count:6 sum:7 buckets:[1 2 3]}}

        eval instant at 0 max(h)
            expect info msg: PromQL info: ignored histogram in max aggregation (1:5)

        eval instant at 0 topk(1, h)
            expect info msg: PromQL info: ignored histogram in topk aggregation (1:1)",
    );
}

#[test]
fn numbers_and_histograms_do_not_mix() {
    check(
        "load 1m
            m{a=\"1\"} 5 {{schema:0 count:2 sum:3 buckets:[2]}} 7
            m{a=\"2\"} {{schema:0 count:2 sum:3 buckets:[2]}}x2

        eval instant at 0 sum(m)
            expect warn msg: PromQL warning: encountered a mix of histograms and floats for aggregation (1:5)

        eval instant at 0 avg(m)
            expect warn msg: PromQL warning: encountered a mix of histograms and floats for aggregation (1:5)

        eval instant at 0 min(m)
            expect info msg: PromQL info: ignored histogram in min aggregation (1:5)
            {} 5

        eval instant at 2m sum_over_time(m{a=\"1\"}[5m])
            expect warn msg: PromQL warning: encountered a mix of histograms and floats for metric name \"m\" (1:15)

        eval instant at 2m max_over_time(m{a=\"1\"}[5m])
            expect info msg: PromQL info: ignored histograms in a range containing both floats and histograms for metric name \"m\" (1:15)
            {a=\"1\"} 7

        eval instant at 2m resets(m{a=\"1\"}[5m])
            {a=\"1\"} 2

        eval instant at 2m changes(m{a=\"1\"}[5m])
            {a=\"1\"} 2

        eval instant at 2m last_over_time(m{a=\"1\"}[90s])
            m{a=\"1\"} 7

        eval instant at 2m first_over_time(m{a=\"1\"}[90s])
            m{a=\"1\"} {{schema:0 count:2 sum:3 buckets:[2]}}

        eval range from 0 to 2m step 1m m{a=\"1\"}
            m{a=\"1\"} 5 {{schema:0 count:2 sum:3 buckets:[2]}} 7

        eval range from 0 to 2m step 1m abs(m{a=\"1\"})
            {a=\"1\"} 5 _ 7

        eval instant at 1m absent(m)

        eval instant at 1m absent_over_time(m[1m])

        eval instant at 0 scalar(m)
            5",
    );
}

#[test]
fn operators() {
    check(
        "load 1m
            h {{schema:0 count:4 sum:6 buckets:[1 3]}}
            g {{schema:0 count:2 sum:3 buckets:[1 1]}}
            c {{schema:-53 count:2 sum:3 custom_values:[1] buckets:[1 1]}}
            n 2

        eval instant at 0 h + g
            {} {{schema:0 count:6 sum:9 buckets:[2 4]}}

        eval instant at 0 h - g
            {} {{schema:0 count:2 sum:3 counter_reset_hint:gauge buckets:[0 2]}}

        eval instant at 0 h * n
            {} {{schema:0 count:8 sum:12 buckets:[2 6]}}

        eval instant at 0 2 * h
            {} {{schema:0 count:8 sum:12 buckets:[2 6]}}

        eval instant at 0 h / 2
            {} {{schema:0 count:2 sum:3 buckets:[0.5 1.5]}}

        eval instant at 0 -h
            {} {{schema:0 count:-4 sum:-6 counter_reset_hint:gauge buckets:[-1 -3]}}

        eval instant at 0 h == h
            h {{schema:0 count:4 sum:6 buckets:[1 3]}}

        eval instant at 0 h != bool on () g
            {} 1

        eval instant at 0 h > 1
            expect info msg: PromQL info: incompatible sample types encountered for binary operator \">\": histogram > float (1:1)

        eval instant at 0 n / h
            expect info msg: PromQL info: incompatible sample types encountered for binary operator \"/\": float / histogram (1:1)

        eval instant at 0 h + on () c
            expect warn msg: PromQL warning: incompatible bucket layout encountered for binary operator + (1:1)

        eval instant at 0 h and g
            h {{schema:0 count:4 sum:6 buckets:[1 3]}}

        eval instant at 0 h unless g

        eval instant at 0 n or h
            n 2",
    );
}

#[test]
fn trim_operators() {
    check(
        "load 1m
            c {{schema:-53 count:10 sum:60 custom_values:[5 10] buckets:[4 4 2]}}
            z {{schema:0 count:6 sum:4 z_bucket:2 z_bucket_w:0.5 buckets:[2 2]}}

        eval instant at 0 c </ 10
            c {{schema:-53 count:8 sum:40 custom_values:[5 10] buckets:[4 4]}}

        eval instant at 0 c </ 7.5
            c {{schema:-53 count:6 sum:22.5 custom_values:[5 10] buckets:[4 2]}}

        eval instant at 0 c >/ 10
            c {{schema:-53 count:2 sum:20 custom_values:[5 10] offset:2 buckets:[2]}}

        eval instant at 0 c </ +Inf
            c {{schema:-53 count:10 sum:60 custom_values:[5 10] buckets:[4 4 2]}}

        eval instant at 0 histogram_count(z >/ 1)
            {} 2

        eval instant at 0 histogram_count(z </ 0.25)
            {} 1

        eval instant at 0 5 </ c
            expect info msg: PromQL info: incompatible sample types encountered for binary operator \"</\": float </ histogram (1:1)",
    );
}

#[test]
fn custom_bounds_are_reconciled() {
    check(
        "load 1m
            a {{schema:-53 count:6 sum:9 custom_values:[1 2 5] buckets:[1 2 2 1]}}
            b {{schema:-53 count:4 sum:5 custom_values:[2 3] buckets:[2 1 1]}}

        eval instant at 0 a + on () b
            expect info msg: PromQL info: mismatched custom buckets were reconciled during addition (1:1)
            {} {{schema:-53 count:10 sum:14 custom_values:[2] buckets:[5 5]}}

        eval instant at 0 sum({__name__=~\"a|b\"})
            expect info msg: PromQL info: mismatched custom buckets were reconciled during aggregation (1:5)
            {} {{schema:-53 count:10 sum:14 custom_values:[2] buckets:[5 5]}}",
    );
}

#[test]
fn subqueries_forget_what_is_known_of_resets() {
    check(
        "load 1m
            h {{schema:0 count:2 sum:2 buckets:[2]}}+{{schema:0 count:2 sum:2 buckets:[2]}}x5

        eval instant at 5m last_over_time(h[5m])
            h {{schema:0 count:12 sum:12 counter_reset_hint:not_reset buckets:[12]}}

        eval instant at 5m last_over_time(h[5m:1m])
            h {{schema:0 count:12 sum:12 counter_reset_hint:unknown buckets:[12]}}

        eval instant at 5m increase(h[2m:1m])
            {} {{schema:0 count:4 sum:4 counter_reset_hint:gauge buckets:[4]}}",
    );
}

#[test]
fn a_stale_marker_ends_a_histogram() {
    check(
        "load 1m
            h {{schema:0 count:2 sum:2 buckets:[2]}} stale

        eval instant at 30s histogram_count(h)
            {} 2

        eval instant at 1m h

        eval instant at 1m present_over_time(h[5m])
            {} 1",
    );
}

#[test]
fn resets_are_found_before_buckets_are_left_out() {
    // Only counts and sums are asked for, so that histograms are read without buckets; what is known of resets stays.
    check(
        "load 1m
            h{a=\"1\"} {{schema:0 count:5 sum:5 buckets:[3 2]}} {{schema:0 count:6 sum:6 buckets:[1 5]}} {{schema:0 count:8 sum:8 buckets:[2 6]}}
            h{a=\"2\"} {{schema:0 count:5 sum:5 buckets:[3 2]}} {{schema:0 count:6 sum:6 buckets:[3 3]}} {{schema:0 count:8 sum:8 buckets:[4 4]}}

        eval instant at 1m histogram_count(sum(h))
            expect warn msg: PromQL warning: conflicting counter resets during histogram aggregation (1:21)
            {} 12

        eval instant at 1m sum(h)
            expect no_warn
            {} {{schema:0 count:12 sum:12 buckets:[4 8]}}

        eval instant at 2m histogram_sum(increase(h[2m]))
            {a=\"1\"} 4
            {a=\"2\"} 4

        eval instant at 2m histogram_sum(increase(h[3m]))
            {a=\"1\"} 12
            {a=\"2\"} 4.5",
    );
}

#[test]
fn observations_of_nan_are_remarked() {
    check(
        "load 1m
            h {{schema:0 count:10 sum:NaN buckets:[4 4]}}

        eval instant at 0 histogram_quantile(0.2, h)
            expect info msg: PromQL info: input to histogram_quantile has NaN observations, result is skewed higher for metric name \"h\" (1:25)
            {} 0.7071067811865476

        eval instant at 0 histogram_quantile(0.9, h)
            expect info msg: PromQL info: input to histogram_quantile has NaN observations, result is NaN for metric name \"h\" (1:25)
            {} NaN

        eval instant at 0 histogram_fraction(-Inf, +Inf, h)
            expect info msg: PromQL info: input to histogram_fraction has NaN observations, which are excluded from all fractions for metric name \"h\" (1:32)
            {} 0.8",
    );
}

#[test]
fn labels_and_names_follow_the_same_rules_as_for_numbers() {
    check(
        "load 1m
            h{a=\"1\"} {{schema:0 count:1 sum:1 buckets:[1]}}
            h{a=\"2\"} {{schema:0 count:2 sum:2 buckets:[2]}}

        eval instant at 0 label_replace(h, \"b\", \"x$1\", \"a\", \"(.*)\")
            h{a=\"1\", b=\"x1\"} {{schema:0 count:1 sum:1 buckets:[1]}}
            h{a=\"2\", b=\"x2\"} {{schema:0 count:2 sum:2 buckets:[2]}}

        eval instant at 0 label_replace(h, \"a\", \"\", \"\", \"\") * 2
            expect fail msg: vector cannot contain metrics with the same labelset

        eval instant at 0 sort_by_label(h, \"a\")
            expect ordered
            h{a=\"1\"} {{schema:0 count:1 sum:1 buckets:[1]}}
            h{a=\"2\"} {{schema:0 count:2 sum:2 buckets:[2]}}

        eval instant at 0 sort(h)

        eval instant at 0 timestamp(h * 2)
            {a=\"1\"} 0
            {a=\"2\"} 0

        eval instant at 30s timestamp(h{a=\"1\"})
            {a=\"1\"} 0

        eval instant at 0 h * on (a) group_left () h{a=\"1\"}
            expect info msg: PromQL info: incompatible sample types encountered for binary operator \"*\": histogram * histogram (1:1)

        eval instant at 0 sum without (a) (h) - ignoring (a) h{a=\"1\"}
            {} {{schema:0 count:2 sum:2 counter_reset_hint:gauge buckets:[2]}}",
    );
}
