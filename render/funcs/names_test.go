package funcs_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/podfacts/podfacts/render/funcs"
)

// TestEveryKnownNameIsAnswered: who brings a template from elsewhere finds
// each function, or is told why it is missing.
func TestEveryKnownNameIsAnswered(t *testing.T) {
	t.Parallel()
	m := funcs.Map()
	bound := strings.Fields(boundByRender)
	for dialect, names := range map[string]string{"sprig": sprigNames, "Helm": helmNames, "consul-template": consulNames} {
		for name := range strings.FieldsSeq(names) {
			_, left := funcs.Unavailable(name)
			if m[name] == nil && !left && !slices.Contains(bound, name) {
				t.Errorf("%s of %s is neither offered nor explained", name, dialect)
			}
			if dialect == "sprig" && m[name] != nil && name != "env" && m["sprig_"+name] == nil {
				t.Errorf("sprig_%s, as consul-template calls it, is missing", name)
			}
		}
	}
	for _, name := range bound {
		if m[name] != nil {
			t.Errorf("%s belongs to package render", name)
		}
	}
}

// boundByRender are the functions that need the facts.
const boundByRender = `env mustEnv envOrDefault file include tpl`

// sprigNames are those of sprig v3.3.0; test/templates holds them against its source.
const sprigNames = `
abbrev abbrevboth add add1 add1f addf adler32sum ago all any append atoi b32dec b32enc b64dec b64enc base
bcrypt biggest buildCustomCert camelcase cat ceil chunk clean coalesce compact concat contains date dateInZone
dateModify date_in_zone date_modify decryptAES deepCopy deepEqual default derivePassword dict dig dir div divf
duration durationRound empty encryptAES env expandenv ext fail first float64 floor fromJson genCA genCAWithKey
genPrivateKey genSelfSignedCert genSelfSignedCertWithKey genSignedCert genSignedCertWithKey get getHostByName
has hasKey hasPrefix hasSuffix hello htmlDate htmlDateInZone htpasswd indent initial initials int int64
isAbs join kebabcase keys kindIs kindOf last list lower max maxf merge mergeOverwrite min minf mod mul
mulf mustAppend mustChunk mustCompact mustDateModify mustDeepCopy mustFirst mustFromJson mustHas mustInitial
mustLast mustMerge mustMergeOverwrite mustPrepend mustPush mustRegexFind mustRegexFindAll mustRegexMatch
mustRegexReplaceAll mustRegexReplaceAllLiteral mustRegexSplit mustRest mustReverse mustSlice mustToDate
mustToJson mustToPrettyJson mustToRawJson mustUniq mustWithout must_date_modify nindent nospace now omit
osBase osClean osDir osExt osIsAbs pick pluck plural prepend push quote randAlpha randAlphaNum randAscii
randBytes randInt randNumeric regexFind regexFindAll regexMatch regexQuoteMeta regexReplaceAll
regexReplaceAllLiteral regexSplit repeat replace rest reverse round semver semverCompare seq set sha1sum
sha256sum sha512sum shuffle slice snakecase sortAlpha split splitList splitn squote sub subf substr swapcase
ternary title toDate toDecimal toJson toPrettyJson toRawJson toString toStrings trim trimAll trimPrefix
trimSuffix trimall trunc tuple typeIs typeIsLike typeOf uniq unixEpoch unset until untilStep untitle upper
urlJoin urlParse uuidv4 values without wrap wrapWith
`

// helmNames are what Helm 4 adds (pkg/engine/funcs.go).
const helmNames = `
toToml mustToToml fromToml toYaml mustToYaml toYamlPretty fromYaml fromYamlArray toJson mustToJson fromJson
fromJsonArray include tpl required lookup
`

// consulNames are those of consul-template v0.41.1 (template/template.go).
const consulNames = `
add base64Decode base64Encode base64URLDecode base64URLEncode byKey byMeta byPort byTag caLeaf caRoots connect
contains containsAll containsAny containsNone containsNotAll datacenters divide env envOrDefault
executeTemplate explode explodeMap exportedServices file hmacSHA256Hex in indent join key keyExists
keyOrDefault loop ls maximum md5sum mergeMap mergeMapWithOverride minimum modulo multiply mustEnv node nodes
nomadService nomadServices nomadVar nomadVarExists nomadVarList nomadVarListSafe parseBool parseFloat parseInt
parseJSON parseUint parseYAML partitions peerings pkiCert plugin regexMatch regexReplaceAll replaceAll safeLs
safeTree scratch secret secrets service services sha256Hex sockaddr spew_dump spew_printf spew_sdump
spew_sprintf split splitToMap subtract timestamp toJSON toJSONPretty toLower toTOML toTitle toUnescapedJSON
toUnescapedJSONPretty toUpper toYAML tree trim trimPrefix trimSpace trimSuffix writeToFile
`
