# SPDX-License-Identifier: MIT
# The plot of `make soak`: gnuplot -c bench/soak.gp FILE.csv FILE.svg
set terminal svg size 1000,640 background "white" font "sans,13" noenhanced
set output ARG2
set datafile separator ","
set multiplot layout 2,1 title "Leases of six guests from two threads"
set grid
set key outside right center
set xrange [0:*]
set format x "%.0f"
set yrange [0:*]
set ylabel "pieces"
plot ARG1 using 1:4 skip 1 with lines lw 2 title "mappings", \
     "" using 1:2 skip 1 with lines lw 2 title "descriptors", \
     "" using 1:3 skip 1 with lines lw 2 title "threads"
set ylabel "MiB"
set xlabel "leases"
plot ARG1 using 1:($5/1048576) skip 1 with lines lw 2 title "resident", \
     "" using 1:($6/1048576) skip 1 with lines lw 2 title "malloc's"
unset multiplot
