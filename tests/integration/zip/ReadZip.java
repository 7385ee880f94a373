import java.io.FileInputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.ZipInputStream;

/** Reads an archive once from its front, as Java programs do, and prints name, size and CRC-32 of each entry. */
public class ReadZip {
    public static void main(String[] arguments) throws Exception {
        var out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        var buffer = new byte[1 << 20];
        try (var zip = new ZipInputStream(new FileInputStream(arguments[0]))) {
            for (var entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                var checksum = new CRC32();
                long size = 0;
                for (int read = zip.read(buffer); read >= 0; read = zip.read(buffer)) {
                    checksum.update(buffer, 0, read);
                    size += read;
                }
                out.printf("%s\t%d\t%08x%n", entry.getName(), size, checksum.getValue());
            }
        }
        out.flush();
    }
}
