// Package downward reads what the kubelet writes into a pod: downwardAPI
// volumes, and projected volumes that hold downwardAPI sources.
//
// # The volume
//
// A [Source] stands for one volume. Read takes all files from one version of
// it, however fast the kubelet swaps versions; Watch follows the swaps; and
// Explain tells which item to add to the pod spec for a fact that the volume
// lacks. [Find] looks for volumes that nobody named.
//
// # What a file means
//
// The files of a volume do not say what they hold. Their meaning comes, in
// this order, from
//
//  1. the [Item] list that made the volume, from the configuration, else from
//     the pod spec, which somebody may see only later ([Source.Learn]);
//  2. a well-known name, such as labels, podName or main/cpu_limit;
//  3. nothing: the file is then stated verbatim, as files['<path>'].
//
// The origin of each fact says which of the three it was.
//
// # The map format
//
// Labels and annotations are lines of key="value", with the value quoted as
// Go quotes strings. [ParseMap] reads them and [FormatMap] writes them.
package downward
